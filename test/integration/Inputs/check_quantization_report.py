#!/usr/bin/env python3
"""Checks the quantization report of the demo model.

usage: check_quantization_report.py REPORT.json static|dynamic
"""
import json
import math
import sys

report, mode = json.load(open(sys.argv[1]))["quantization"], sys.argv[2]
linears, attentions = report["linears"], report["attentions"]
# The patch embedding; query, key, value, projection and two layers of the MLP in each of six blocks; the head.
assert len(linears) == 1 + 6 * 6 + 1, len(linears)
assert len(attentions) == 6, len(attentions)
for linear in linears:
    assert linear["format"] == f"u8 x s8 {mode}", linear
    assert all(0 < scale < 1 for scale in linear["weight_scales"]) and len(linear["weight_scales"]) in (10, 192, 768)
    assert 30 < linear["weight_signal_to_noise"] < 60, linear
    sums = linear["short_sums"]
    assert sums["group"] in (0, 1, 2, 4, 8) and (sums["largest"] <= 32767) == (sums["group"] > 0), sums
    if mode == "dynamic":
        assert linear["input"] == {"granularity": "token"}, linear["input"]


def check(operand, levels):
    """Checks that the scale follows from the range and that little precision is lost."""
    assert operand["min"] <= 0 <= operand["max"], operand
    assert levels[0] <= operand["zero_point"] <= levels[1], operand
    reach = max(-operand["min"], operand["max"]) / 127 if levels[0] < 0 else (operand["max"] - operand["min"]) / 255
    assert math.isclose(operand["scale"], reach, rel_tol=1e-4), operand
    assert 0 <= operand["clipped"] < 0.01 and operand["signal_to_noise"] > 15, operand


if mode == "static":
    assert report["int8_share"] >= 0.99, report["int8_share"]
    for linear in linears:
        check(linear["input"], (0, 255))
    for attention in attentions:
        assert attention["format"] == "u8 x s8 static", attention
        check(attention["query"], (0, 255))
        check(attention["key"], (-127, 127))
        check(attention["value"], (-127, 127))
        assert math.isclose(attention["weights"]["scale"], 1 / 255, rel_tol=1e-6), attention["weights"]
else:
    assert 0.9 < report["int8_share"] < 1, report["int8_share"]
    assert all(attention["format"] == "f32" for attention in attentions)
