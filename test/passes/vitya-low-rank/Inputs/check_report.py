"""Checks a report of low-rank factorisation: check_report.py FILE MOST

Every measured error is at least the predicted one and at most MOST times as large.
"""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    report = json.load(file)
most = float(sys.argv[2])


def check_truncation(name, truncation, rank):
    spectrum = truncation["spectrum"]
    energies = [value * value for value in spectrum]
    assert spectrum == sorted(spectrum, reverse=True), name
    lost = sum(energies[rank:])
    assert abs(truncation["predicted_error"] - lost) <= 1e-9 * sum(energies), name
    assert abs(truncation["energy_kept"] - (1 - lost / sum(energies))) < 1e-9, name


after = 0
for layer in report["layers"]:
    after += layer["parameters"]
    if layer["rank"] is None:
        assert layer["parameters"] == layer["in"] * layer["out"] and layer["reason"], layer
    elif "spectrum" in layer:
        check_truncation(layer["name"], layer, layer["rank"])
        ratio = layer["measured_error"] / layer["predicted_error"]
        assert 1 - 1e-4 <= ratio <= most, f"{layer['name']}: measured {ratio} of predicted"
for attention in report["attentions"]:
    assert attention["measured_error"] >= 0
    for name in "query_key", "value_output":
        product = attention[name]
        if product["width"] < product["full_width"]:
            check_truncation(name, product, product["width"])
assert report["parameters"]["after"] == after <= report["parameters"]["before"], report["parameters"]
print(report["method"], len(report["layers"]), "layers", len(report["attentions"]), "attentions")
