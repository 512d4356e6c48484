#!/usr/bin/env python3
"""Checks the output of `eval --json` against values computed from the logits.

usage: check_eval.py EVAL.json LOGITS.f32 DATA.bin
"""
import array
import json
import math
import sys

result = json.load(open(sys.argv[1]))
logits = array.array("f", open(sys.argv[2], "rb").read())
data = open(sys.argv[3], "rb").read()
labels = data[::3073]
rows = [logits[i * 10:i * 10 + 10] for i in range(len(labels))]
assert len(logits) == 10 * len(labels)
ranks = [sorted(range(10), key=lambda c: -row[c]).index(label) for row, label in zip(rows, labels)]
loss = sum(math.log(sum(math.exp(x) for x in row)) - row[label] for row, label in zip(rows, labels)) / len(labels)
assert result["images"] == len(labels), result
assert result["correct"] == ranks.count(0), result
assert math.isclose(result["accuracy"], ranks.count(0) / len(labels), rel_tol=1e-8), result
assert math.isclose(result["top5"], sum(rank < 5 for rank in ranks) / len(labels), rel_tol=1e-8), result
assert math.isclose(result["loss"], loss, rel_tol=1e-6), (result["loss"], loss)
assert result["seconds"] > 0 and math.isclose(result["images_per_second"], len(labels) / result["seconds"], rel_tol=1e-2)
names = "airplane automobile bird cat deer dog frog horse ship truck".split()
assert list(result["per_class"]) == names, result
for index, name in enumerate(names):
    of_class = [rank for rank, label in zip(ranks, labels) if label == index]
    assert math.isclose(result["per_class"][name], of_class.count(0) / len(of_class), rel_tol=1e-8), name
