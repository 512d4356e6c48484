#!/usr/bin/env python3
"""Writes synthetic measurements of two executables, f32 and int8, as tools/run-demo does.

usage: make_measurements.py FOLDER
"""
import json
import os
import sys

MEASUREMENTS = {
    "f32": {"accuracy": 0.8, "loss": 0.5, "latency": {1: 3, 32: 90}, "weights": 4000, "executable": 6000},
    "int8": {"accuracy": 0.795, "loss": 0.51, "latency": {1: 2, 32: 40}, "weights": 1000, "executable": 2500},
}

folder = sys.argv[1]
os.makedirs(folder)
for name, values in MEASUREMENTS.items():

    def write(kind, content):
        with open(os.path.join(folder, f"{name}.{kind}.json"), "w", encoding="utf-8") as file:
            json.dump(content, file)

    write("info", {"parameters": 1000, "weight_bytes": values["weights"], "cpu": "x86-64-v3"})
    write("eval", {"images": 200, "accuracy": values["accuracy"], "loss": values["loss"]})
    for batch, mean in values["latency"].items():
        write(f"bench-{batch}", {"threads": 2, "latency_ms": {"mean": mean, "std": 0.25}})
    with open(os.path.join(folder, name), "wb") as file:
        file.write(bytes(values["executable"]))
