#!/usr/bin/env python3
"""Prints the elements of a file of little-endian f32 with four decimals.

usage: print_floats.py FILE
"""
import struct
import sys

with open(sys.argv[1], "rb") as file:
    print(*(f"{value:.4f}" for (value,) in struct.iter_unpack("<f", file.read())))
