#!/usr/bin/env python3
"""Checks that a compression report holds COUNT sensitivities in descending order.

usage: check_sensitivities.py REPORT.json COUNT
"""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    divergences = [entry["divergence"] for entry in json.load(file)["sensitivities"]]
assert len(divergences) == int(sys.argv[2]), len(divergences)
assert divergences == sorted(divergences, reverse=True), divergences
assert divergences[0] > divergences[-1] >= 0, divergences
