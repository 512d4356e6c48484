#!/usr/bin/env python3
"""Multiplies the ends of every range in calibrated IR by a factor: scale_ranges.py FACTOR < IN > OUT."""
import re
import sys

factor = float(sys.argv[1])
END = re.compile(r"\b(min|max) = ([-+0-9.eE]+)")
sys.stdout.write(END.sub(lambda match: f"{match[1]} = {float(match[2]) * factor:.6e}", sys.stdin.read()))
