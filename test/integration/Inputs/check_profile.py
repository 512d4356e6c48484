#!/usr/bin/env python3
"""Checks the kernels and layers that `bench --profile --json` lists for the demo model.

usage: check_profile.py BENCH.json
"""
import json
import math
import sys

result = json.load(open(sys.argv[1]))
kernels = {k["name"]: k for k in result["kernels"]}
layers = {layer["name"]: layer for layer in result["layers"]}
assert len(kernels) == len(result["kernels"]) and len(layers) == len(result["layers"])
for lines in (result["kernels"], result["layers"]):
    times = [line["microseconds"] for line in lines]
    assert times == sorted(times, reverse=True) and min(times) > 0, times
    assert 0 < sum(line["share"] for line in lines) <= 1.001, lines
# Every loop belongs to a kernel and to a layer.
assert sum(k["loops"] for k in kernels.values()) == sum(layer["loops"] for layer in layers.values())
total = sum(k["microseconds"] for k in kernels.values())
assert math.isclose(total, sum(layer["microseconds"] for layer in layers.values()), rel_tol=1e-3)
# fc1 of the last block computes only the row that is read.
assert kernels["linear_gelu_65x192x768"]["loops"] == 5 and kernels["linear_gelu_1x192x768"]["loops"] == 1, kernels
assert layers["blocks.0.mlp.fc1"]["loops"] == 1, layers
# The limits of the kernels with products add up to at least that of the model: kernels count padding, too.
products = sum(k["microseconds"] * k["share_of_limit"] for n, k in kernels.items() if n.startswith(("linear", "attention")))
limit = 2e-3 * result["multiply_adds"] / result["peak_gflops"]
assert 0.99 * limit < products < 1.2 * limit, (products, limit)
assert result["copy_gigabytes_per_second"] > 0, result
