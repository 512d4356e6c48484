#!/usr/bin/env python3
"""Checks a report on low rank followed by quantization: LAYERS low-rank layers, nearly all multiply-adds in integers.

usage: check_combined_report.py REPORT.json LAYERS
"""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    report = json.load(file)
assert len(report["layers"]) == int(sys.argv[2]), len(report["layers"])
assert report["quantization"]["int8_share"] > 0.99, report["quantization"]["int8_share"]
