#!/usr/bin/env python3
"""Checks that all threads of `classify -` have the seccomp filter that `info` reports, or none if it reports none.

usage: sandboxed.py PICTURE EXECUTABLE THREADS [OPTION...]
"""
import pathlib
import subprocess
import sys


def filters(process):
    lines = pathlib.Path(process, "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Seccomp_filters:"))


picture, executable, threads, *options = sys.argv[1:]
info = subprocess.run([executable, "info", *options], capture_output=True, text=True, check=True).stdout
state = next(line.split(maxsplit=1)[1] for line in info.splitlines() if line.startswith("sandbox "))
process = subprocess.Popen([executable, "classify", "-", f"--threads={threads}", *options], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, text=True)
process.stdin.write(picture + "\n")
process.stdin.flush()
assert process.stdout.readline().strip() == picture
# A container may have filters of its own.
own = filters("/proc/self")
threads = [filters(task) - own for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir()]
process.stdin.close()
assert set(threads) == {0 if state.startswith("none: ") else 1}, (state, threads)
print(f"{len(threads)} threads, {state}")
sys.exit(process.wait())
