#!/usr/bin/env python3
"""Run a command whose standard output nobody reads, and exit with its exit code.

usage: closed_pipe.py COMMAND...
"""
import os
import subprocess
import sys

reading, writing = os.pipe()
os.close(reading)
sys.exit(subprocess.run(sys.argv[1:], stdout=writing).returncode)
