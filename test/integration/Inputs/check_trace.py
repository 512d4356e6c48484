#!/usr/bin/env python3
"""Checks the trace of `bench --trace`: valid JSON, a track for each thread, every layer of every image, no overlaps.

usage: check_trace.py TRACE.json THREADS IMAGES
"""
import collections
import json
import sys

trace = json.load(open(sys.argv[1]))
threads, images = int(sys.argv[2]), int(sys.argv[3])
events = trace["traceEvents"]
tracks = {e["tid"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
assert tracks == set(range(threads)), tracks
spans = [e for e in events if e["ph"] == "X"]
assert {e["ph"] for e in events} == {"M", "X"} and {e["tid"] for e in spans} <= tracks
layers = collections.defaultdict(set)
for span in spans:
    assert span["ts"] >= 0 and span["dur"] >= 0 and span["cat"], span
    layers[span["args"]["image"]].add(span["name"])
assert set(layers) == set(range(images)), layers.keys()
assert all(names == layers[0] for names in layers.values()), layers
assert {"normalize", "patch_embed.proj", "blocks.0.attn.qkv", "blocks.5.mlp.fc2", "head"} <= layers[0], layers[0]
for track in tracks:
    own = sorted((e["ts"], e["dur"]) for e in spans if e["tid"] == track)
    # Both numbers are rounded to nanoseconds.
    assert all(a[0] + a[1] <= b[0] + 0.0021 for a, b in zip(own, own[1:])), track
