#!/usr/bin/env python3
"""Prints the IR of a model so that two models which differ only in names are equal: normalize_ir.py < IR.

Constants are called after their resources, without the element type and the number that may follow the name; other values
are numbered in order. Constants are sorted. The settings, whose sources differ, the form in which
tensors are stored, the fingerprint and the weights are left out.
"""
import re
import sys

VALUE = re.compile(r"%[\w$.-]+")
names, constants, lines = {}, [], []
for line in sys.stdin.read().split("{-#")[0].splitlines():
    line = re.sub(r', vitya\.((settings|stored_tensors) = \[.*?\](?=[,}])|fingerprint = "\w+")', "", line)
    constant = re.match(r"\s*(%\S+) = arith\.constant dense_resource<([^>]*)>( : .*)", line)
    if constant:
        name = re.sub(r"(\.i\d+)?(_\d+)?$", "", constant[2].strip('"'))
        names[constant[1]] = "%" + name
        constants.append(f"%{name} = resource{constant[3]}")
        continue
    lines.append(VALUE.sub(lambda value: names.setdefault(value[0], f"%{len(names)}_"), line))
for line in sorted(constants) + lines:
    # The number of a value counts constants too, which are as many in both models.
    print(line)
