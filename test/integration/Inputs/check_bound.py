#!/usr/bin/env python3
"""Checks that the search recorded in a compression report is consistent and ends within its bound.

usage: check_bound.py REPORT.json
"""
import json
import sys

report = json.load(open(sys.argv[1], encoding="utf-8"))
bound = report["bound"]
path = bound["path"]
assert not path[0]["holds"], path[0]
for step in path:
    share = 0.5 if "quantization" in report and step["stage"].startswith("--low-rank") else 1
    assert step["holds"] == (step["divergence"] <= share * bound["max_kl"]), step
held = [step for step in path if step["holds"]]
assert held and any(len(step["restored"]) > 0 or step["low_rank"] != path[0]["low_rank"] for step in held), path
# The layers that the best step restores, the one with the fewest that holds, are the most sensitive ones and are f32.
restored = min((step["restored"] for step in held), key=len)
if "quantization" in report and not report["bound"]["path"][0]["low_rank"]:
    formats = {}
    for entry in report["quantization"]["linears"]:
        formats.setdefault(entry["layer"], set()).add(entry["format"])
    for entry in report["quantization"]["attentions"]:
        formats[entry["name"]] = {entry["format"]}
    assert all(formats[name] == {"f32"} for name in restored), (restored, formats)
    if "sensitivities" in report:
        assert restored == [entry["name"] for entry in report["sensitivities"][:len(restored)]], restored
