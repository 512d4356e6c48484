#!/usr/bin/env python3
"""Checks that the output of `info --json` of the demo model is complete and consistent.

usage: check_info.py INFO.json
"""
import json
import sys

info = json.load(open(sys.argv[1]))
assert info["image"] == [3, 32, 32], info["image"]
preprocessing = {"interpolation": "bilinear", "antialias": True, "resize": [32, 32], "crop_rounding": "half_even"}
assert info["preprocessing"] == preprocessing, info["preprocessing"]
assert info["classes"] == "airplane automobile bird cat deer dog frog horse ship truck".split(), info["classes"]
assert info["weight_bytes"] >= 4 * info["parameters"], info["weight_bytes"]
assert isinstance(info["cpu"], str) and set(info["compiler"]) == {"version", "options"}, info["compiler"]
settings = {each["name"]: (each["value"], each["source"]) for each in info["settings"]}
assert settings == {
    "image": ([32, 32], "guess"),
    "antialias": (True, "guess"),
    "interpolation": ("bilinear", "guess"),
    "resize": ([32, 32], "guess"),
    "mean": ([0.4913, 0.4821, 0.4466], "file"),
    "std": ([0.2452, 0.2427, 0.2605], "file"),
    "eps": (1e-6, "file"),
    "heads": (3, "file"),
    "gelu": ("erf", "layout"),
    "pool": ("class", "guess"),
    "layout": ("timm-vit", "file"),
}, settings
linears = info["linears"]
# The embedding, four linear layers in each of six blocks, and the head.
assert len(linears) == 1 + 6 * 4 + 1, len(linears)
assert all(set(linear) == {"name", "in", "out", "rank", "format", "reason"} for linear in linears)
in_linears = sum(linear["in"] * linear["out"] + linear["out"] for linear in linears)
norms, tokens = 192 * 2 * (2 * 6 + 1), 192 * (1 + 65)
assert in_linears + norms + tokens == info["parameters"], in_linears
