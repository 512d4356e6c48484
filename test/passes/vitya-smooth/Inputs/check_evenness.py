#!/usr/bin/env python3
"""Checks that smoothing with alpha=1 evened out inputs: check_evenness.py BEFORE.mlir AFTER.mlir, both calibrated.

The layers whose input changed are those that were smoothed. After smoothing their inputs reach 1 in magnitude, and the
noise of quantizing them, relative to the signal, is lower for most of them and on average.
"""
import re
import sys

LINEAR = re.compile(r'vitya\.linear "([^"]+)".*?#vitya\.observed<"minmax", min = ([^,]+), max = ([^,]+), '
                    r"clipped = [^,]+, noise = ([^>]+)>")


def read(path):
    with open(path, encoding="utf-8") as file:
        return {name: (float(low), float(high), float(noise)) for name, low, high, noise in LINEAR.findall(file.read())}


before, after = read(sys.argv[1]), read(sys.argv[2])
assert before.keys() == after.keys() and before, (before.keys(), after.keys())
smoothed = [name for name in before if before[name] != after[name]]
assert {"blocks.0.attn.q", "blocks.0.attn.proj", "blocks.0.mlp.fc1", "blocks.0.mlp.fc2"} <= set(smoothed), smoothed
for name in smoothed:
    low, high, _ = after[name]
    assert abs(max(-low, high) - 1) < 1e-5, (name, low, high)
ratios = [after[name][2] / before[name][2] for name in smoothed]
assert sum(ratio < 1 for ratio in ratios) > len(ratios) / 2 and sum(ratios) / len(ratios) < 0.9, ratios
