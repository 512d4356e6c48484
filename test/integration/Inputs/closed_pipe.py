#!/usr/bin/env python3
"""Runs a command whose standard output is a pipe without a reader, and exits with its exit code.

usage: closed_pipe.py COMMAND...
"""
import os
import subprocess
import sys

reading, writing = os.pipe()
os.close(reading)
sys.exit(subprocess.run(sys.argv[1:], stdout=writing).returncode)
