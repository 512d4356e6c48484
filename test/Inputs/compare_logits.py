#!/usr/bin/env python3
"""Compares two files of little-endian f32: compare_logits.py WANTED FOUND TOLERANCE.

Exits with 1 unless both hold as many numbers, all of them finite, and none differs by more than TOLERANCE times the
largest wanted one.
"""

import array
import math
import sys


def read(path):
    with open(path, "rb") as file:
        return array.array("f", file.read())


wanted, found, tolerance = read(sys.argv[1]), read(sys.argv[2]), float(sys.argv[3])
if not wanted or len(wanted) != len(found):
    sys.exit(f"expected {len(wanted)} numbers, at least one, found {len(found)}")
if not all(map(math.isfinite, found)):
    sys.exit("expected finite numbers")
largest = max(map(abs, wanted))
difference = max(abs(a - b) for a, b in zip(wanted, found)) / largest
print(f"{len(wanted)} numbers, largest {largest:.4g}, largest relative difference {difference:.2e}")
sys.exit(0 if difference <= tolerance else 1)
