#!/usr/bin/env python3
"""Sends signals to a command, whose temporary files are in FOLDER, a new one.

usage: send_signals.py ignored FOLDER COMMAND...    SIGHUP and SIGINT again and again, which the command is started to ignore
       send_signals.py end FOLDER COMMAND...        SIGTERM when there is a temporary file, until it ends a run of the command

Exits with 0 if the command succeeded (ignored), or if SIGTERM ended it (end), and if FOLDER is empty when all programs that the
command has started have ended, too.
"""
import os
import signal
import subprocess
import sys
import time

ENDING = (signal.SIGHUP, signal.SIGINT)


def ignore():
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def run_ignoring(command, environment):
    process = subprocess.Popen(command, env=environment, preexec_fn=ignore)
    while process.poll() is None:
        for number in ENDING:
            process.send_signal(number)
        time.sleep(0.01)
    return process.returncode == 0


def run_ended(command, environment, folder):
    for _ in range(100):
        process = subprocess.Popen(command, env=environment)
        # The first file has bytes as soon as it is complete.
        while process.poll() is None and not any(os.path.getsize(entry) for entry in os.scandir(folder)):
            time.sleep(0.001)
        process.send_signal(signal.SIGTERM)
        if process.wait() == -signal.SIGTERM:
            return True
    return False


def main(mode, folder, *command):
    os.makedirs(folder)
    environment = dict(os.environ, TMPDIR=folder)
    succeeded = run_ignoring(command, environment) if mode == "ignored" else run_ended(command, environment, folder)
    if not succeeded:
        sys.exit("send_signals.py: expected another exit code")
    for _ in range(200):
        if not os.listdir(folder):
            break
        time.sleep(0.1)
    if os.listdir(folder):
        sys.exit(f"send_signals.py: expected an empty folder, found {os.listdir(folder)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
