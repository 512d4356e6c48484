"""Checks a report of low-rank factorisation: check_report.py FILE MOST, where errors that were measured are at most MOST
times those that the spectrum predicts, and never below them."""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    report = json.load(file)
most = float(sys.argv[2])


def check_cut(name, cut, rank):
    spectrum = cut["spectrum"]
    energies = [value * value for value in spectrum]
    assert spectrum == sorted(spectrum, reverse=True), name
    lost = sum(energies[rank:])
    assert abs(cut["predicted_error"] - lost) <= 1e-9 * sum(energies), name
    assert abs(cut["energy_kept"] - (1 - lost / sum(energies))) < 1e-9, name


after = 0
for layer in report["layers"]:
    after += layer["parameters"]
    if layer["rank"] is None:
        assert layer["parameters"] == layer["in"] * layer["out"] and layer["reason"], layer
    elif "spectrum" in layer:
        check_cut(layer["name"], layer, layer["rank"])
        ratio = layer["measured_error"] / layer["predicted_error"]
        assert 1 - 1e-4 <= ratio <= most, f"{layer['name']}: measured {ratio} of predicted"
for attention in report["attentions"]:
    assert attention["measured_error"] >= 0
    for name in "query_key", "value_output":
        product = attention[name]
        if product["width"] < product["full_width"]:
            check_cut(name, product, product["width"])
assert report["parameters"]["after"] == after <= report["parameters"]["before"], report["parameters"]
print(report["method"], len(report["layers"]), "layers", len(report["attentions"]), "attentions")
