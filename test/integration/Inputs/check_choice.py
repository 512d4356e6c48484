#!/usr/bin/env python3
"""Checks the choice of ranks and bits that a compression report records.

usage: check_choice.py REPORT.json INFO.json
       check_choice.py --compile REPORT.json MODEL IMAGES OUTPUT

INFO.json is the output of `info --json` of the executable. --compile compiles MODEL to OUTPUT with the options in the report.
"""
import json
import subprocess
import sys


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def check(report, info):
    """Compares the choice with its bounds and with the description of the executable."""
    choice = report["choice"]
    last = [trial for trial in choice["trials"] if trial["holds"]][-1]
    if choice["max_bytes"]:
        assert last["bytes"] == info["weight_bytes"], (last, info["weight_bytes"])
        assert 0.9 * choice["max_bytes"] < info["weight_bytes"] <= choice["max_bytes"], info["weight_bytes"]
        assert choice["nats_per_byte"] > 0
    if choice["max_ms"]:
        assert last["ms"] <= choice["max_ms"]
        assert all(matrix["ms"] > 0 for matrix in choice["matrices"])
    if choice["max_kl"]:
        assert last["divergence"] <= choice["max_kl"]
    predicted = sum(matrix["predicted_divergence"] for matrix in choice["matrices"])
    assert any(abs(trial["predicted_divergence"] - predicted) < 1e-9 for trial in choice["trials"]), predicted
    assert sum(matrix["bytes"] for matrix in choice["matrices"]) <= info["weight_bytes"]
    layers = {layer["name"]: layer for layer in info["linears"]}
    for matrix in choice["matrices"]:
        if matrix["part"] == "weight":
            layer = layers[matrix["name"]]
            assert layer["rank"] == matrix["rank"], (layer, matrix)
            bits = "f32" if matrix["bits"] == 32 else f"x s{matrix['bits']}"
            assert bits in layer["format"], (layer, matrix)


def main():
    if sys.argv[1] != "--compile":
        return check(read(sys.argv[1]), read(sys.argv[2]))
    choice = read(sys.argv[2])["choice"]
    options = [f"--calibrate={sys.argv[4]}", f"--quantize={choice['quantize']}"]
    if choice["low_rank"]:
        options.append(f"--low-rank={choice['low_rank']}")
    subprocess.run(["vitya-compile", sys.argv[3], *options, "-o", sys.argv[5]], check=True)


if __name__ == "__main__":
    main()
