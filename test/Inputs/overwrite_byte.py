#!/usr/bin/env python3
"""Overwrites one byte of a file.

usage: overwrite_byte.py FILE OFFSET VALUE
"""
import os
import sys

if __name__ == "__main__":
    path, offset, value = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if offset >= os.path.getsize(path):
        sys.exit(f"overwrite_byte.py: expected an offset below {os.path.getsize(path)}, found {offset}")
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(bytes([value]))
