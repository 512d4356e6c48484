#!/usr/bin/env python3
"""Checks the JSON of a report on an original model, one variant, one that cannot be compiled, and a cascade.

usage: check_report.py REPORT.json INFO.json ORIGINAL.json VARIANT.json CASCADE.json

INFO.json is the output of `info --json` of the cascade, the files after it are those of `eval --json` for the same images.
"""
import json
import math
import sys

report, info, *evaluations = (json.load(open(path)) for path in sys.argv[1:])
original, variant, failed, cascade = report["variants"]
assert [each["name"] for each in report["variants"]] == ["original", "both & more", "bad", "cascade"]
assert "from 4 to 8 bits" in failed["failure"] and "accuracy" not in failed, failed
count = report["images"]
assert report["machine"]["threads"] == 1 and report["rounds"] == 2 and report["findings"], report
assert sum(report["confusion"]) == count and len(report["confusion"]) == 100
assert sum(report["confusion"][::11]) == original["correct"]

for found, expected in zip((original, variant, cascade), evaluations, strict=True):
    assert found["correct"] == expected["correct"] and count == expected["images"]
    assert math.isclose(found["accuracy"]["value"], expected["accuracy"], rel_tol=1e-6)
    assert math.isclose(found["loss"]["value"], expected["loss"], rel_tol=1e-6)
    for name in ("accuracy", "loss", "difference"):
        assert found[name]["low"] <= found[name]["value"] <= found[name]["high"], (name, found[name])
    assert [latency["batch"] for latency in found["latency_ms"]] == [1, 32]
    for latency in found["latency_ms"]:
        assert 0 < latency["best"] <= latency["best_of_slowest_round"], latency
        assert latency["best"] <= latency["median"], latency
    kernels = found["profile"]["kernels"]
    assert kernels[-1]["kind"] == "outside of loops"
    assert any(kernel["kind"] == "linear layers" and 0 < kernel["share_of_limit"] for kernel in kernels), kernels
    assert any(kernel["kind"] == "attention" for kernel in kernels), kernels
    assert math.isclose(sum(k["microseconds"] for k in kernels), 1e3 * found["profile"]["milliseconds"], rel_tol=0.01)
    assert found["fingerprint"] and found["executable_bytes"] > found["weight_bytes"] > 0
assert original["difference"]["value"] == original["divergence"] == 0 and not original["changed"]
assert variant["weight_bytes"] < original["weight_bytes"] and variant["fingerprint"] != original["fingerprint"]
assert math.isclose(variant["accuracy"]["value"] - original["accuracy"]["value"], variant["difference"]["value"])
assert variant["correct"] - original["correct"] == variant["gained"] - variant["lost"]
assert 0 < variant["divergence"] < 10

for image in variant["changed"]:
    assert image["before"] != image["after"] and 0 <= image["image"] < count and 0 <= image["margin"] <= 1, image
margins = [image["margin"] for image in variant["changed"]]
assert margins == sorted(margins, reverse=True)

layers = {layer["name"]: layer for layer in variant["layers"]}
layer = layers["blocks.0.mlp.fc1"]
assert layer["format"] == "u8 x s8 static" and 0 < layer["rank"] < 32 and 0 < layer["energy_kept"] < 1, layer
assert layer["weight_signal_to_noise"] > 20 and layer["input_signal_to_noise"] > 10 and layer["output_noise"] > 0, layer
assert layers["blocks.0.attn"]["shape"] == "2 heads", layers["blocks.0.attn"]
spectrum = next(spectrum for spectrum in variant["spectra"] if spectrum["layer"] == "blocks.0.mlp.fc1")
assert len(spectrum["values"]) == 32 and spectrum["kept"] == layer["rank"], spectrum
assert spectrum["values"] == sorted(spectrum["values"], reverse=True)
assert variant["clipped"] and all(0 <= share < 1 for share in variant["clipped"])

# A cascade has two models, of which the second one ran for some of the images.
deferred = evaluations[2]["deferred"]
assert 0 < deferred < count and "cascade" not in original, deferred
assert math.isclose(cascade["cascade"]["deferred"], deferred / count)
for name in ("margin", "agreement_bound"):
    assert math.isclose(cascade["cascade"][name], info["cascade"][name], rel_tol=1e-6), name
assert cascade["parameters"] == 2 * original["parameters"] and cascade["weight_bytes"] > original["weight_bytes"]
