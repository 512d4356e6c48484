#!/usr/bin/env python3
"""Checks measurement.compare on an example computed by hand.

Of two images with uniform predictions p = (1/2, 1/2), the first becomes q = (1/4, 3/4) and the second stays the same.

usage: PYTHONPATH=tools/measure check_predictions.py
"""
import math

import measurement

result = measurement.compare([[0, 0], [0, 0]], [[0, math.log(3)], [0, 0]], [0, 1])
# KL(p, q) = (log(2) + log(2/3)) / 2 = log(4/3) / 2 for the first image, 0 for the second.
expected = {
    "kl": math.log(4 / 3) / 4,
    "same": 0.5,
    # Of labels 0 and 1: the first prediction changes from class 0 to 1, the second is class 0.
    "accuracy": 0,
    "difference": -0.5,
    # The differences are -1 and 0, with sample standard deviation 1 / sqrt(2).
    "interval": 1.96 * math.sqrt(0.5) / math.sqrt(2),
}
assert result.keys() == expected.keys(), result
assert all(math.isclose(result[key], value, abs_tol=1e-12) for key, value in expected.items()), (result, expected)
