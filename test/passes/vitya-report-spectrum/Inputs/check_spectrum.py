"""Prints one line per layer of a file of spectra and checks that the values descend: check_spectrum.py FILE"""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    layers = json.load(file)
for layer in layers:
    kinds = [kind for kind in ("plain", "whitened") if kind in layer]
    for kind in kinds:
        values = layer[kind]
        assert len(values) == min(layer["in"], layer["out"]) and values == sorted(values, reverse=True), layer["layer"]
        assert values[-1] >= 0
    print(layer["layer"], layer.get("part", "whole"), *kinds, " ".join(f"{value:.4f}" for value in layer["plain"][:2]))
