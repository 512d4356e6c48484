"""Checks that the path of a report ends within its bound, with each step told as it was: check_bound.py REPORT."""
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
# What the least of the steps that hold restores is in f32, and it is the most sensitive.
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
