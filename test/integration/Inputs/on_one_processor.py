#!/usr/bin/env python3
"""Runs a command on one of the processors that this process may use.

usage: on_one_processor.py COMMAND...
"""
import os
import sys

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
os.execvp(sys.argv[1], sys.argv[1:])
