#!/usr/bin/env python3
"""Writes the first COUNT records of a file in CIFAR-10's binary layout to standard output.

usage: take_records.py FILE COUNT
"""
import sys

RECORD_BYTES = 1 + 3 * 32 * 32

if __name__ == "__main__":
    path, count = sys.argv[1], int(sys.argv[2])
    with open(path, "rb") as file:
        records = file.read(count * RECORD_BYTES)
    if len(records) != count * RECORD_BYTES:
        sys.exit(f"take_records.py: expected {count} records in '{path}', found {len(records)} bytes")
    sys.stdout.buffer.write(records)
