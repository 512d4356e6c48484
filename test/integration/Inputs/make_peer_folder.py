#!/usr/bin/env python3
"""Writes the files of compare-peers' folder for the model "shipped", with a runtime that needs no package.

usage: make_peer_folder.py FOLDER RECORDS PEER
"""
import json
import pathlib
import sys

import numpy

folder, records, peer = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
data = numpy.frombuffer(pathlib.Path(records).read_bytes(), numpy.uint8).reshape(-1, 3073)
pixels = numpy.ascontiguousarray(data[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
numpy.save(folder / "shipped.images.npy", pixels[:5])
numpy.save(folder / "shipped.calibration.npy", pixels[:4])
(folder / "shipped.json").write_text(json.dumps({
    "name": "shipped", "image": 32, "batches": [1, 2], "mean": [0.5] * 3, "std": [0.5] * 3, "images": 5, "calibration": 4,
    "trained": True, "settings": {}}))
(folder / "models.complete").touch()
# The environment of a peer, in which Python runs PEER instead of the script it is given.
environment = folder / "venv-onnxruntime"
(environment / "bin").mkdir(parents=True)
(environment / "complete").touch()
python = environment / "bin" / "python"
python.write_text(f'#!/bin/sh\nshift\nexec "{sys.executable}" "{peer}" "$@"\n')
python.chmod(0o755)
