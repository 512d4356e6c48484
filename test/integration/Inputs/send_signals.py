#!/usr/bin/env python3
"""Sends signals to a command, whose temporary files are in FOLDER, a new one.

usage: send_signals.py ignored FOLDER COMMAND...    SIGHUP and SIGINT again and again, which the command is started to ignore
       send_signals.py end FOLDER COMMAND...        SIGTERM when there is a temporary file, until it ends a run of the command
       send_signals.py end-both FOLDER COMMAND...   the same, when there is another program that the command has started

Exits with 0 if the command succeeded (ignored), or if SIGTERM ended it (end, end-both), and if all programs that the command has
started end soon after, too, and leave FOLDER empty.
"""
import functools
import glob
import os
import signal
import subprocess
import sys
import time

ENDING = (signal.SIGHUP, signal.SIGINT)


def ignore():
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def members(group):
    """The running processes of a process group."""
    result = []
    for stat in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(stat) as file:
                state, _, process_group = file.read().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(process_group) == group and state != "Z":
            result.append(stat)
    return result


def has_complete_file(folder):
    # The first file has bytes as soon as it is complete.
    return any(os.path.getsize(entry) for entry in os.scandir(folder))


def run_ignoring(start):
    process = start(preexec_fn=ignore)
    while process.poll() is None:
        for number in ENDING:
            process.send_signal(number)
        time.sleep(0.01)
    return process.returncode == 0, process.pid


def run_ended(start, is_time):
    for _ in range(100):
        process = start()
        while process.poll() is None and not is_time(process.pid):
            time.sleep(0.001)
        process.send_signal(signal.SIGTERM)
        if process.wait() == -signal.SIGTERM:
            return True, process.pid
    return False, process.pid


def main(mode, folder, *command):
    os.makedirs(folder)
    start = functools.partial(subprocess.Popen, command, env=dict(os.environ, TMPDIR=folder), start_new_session=True)
    if mode == "ignored":
        succeeded, group = run_ignoring(start)
    elif mode == "end":
        succeeded, group = run_ended(start, lambda group: has_complete_file(folder))
    else:
        succeeded, group = run_ended(start, lambda group: len(members(group)) > 1)
    if not succeeded:
        sys.exit("send_signals.py: expected another exit code")
    for _ in range(200):
        if not members(group):
            break
        time.sleep(0.1)
    if members(group) or os.listdir(folder):
        sys.exit(f"send_signals.py: expected no programs and files, found {members(group)}, {os.listdir(folder)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
