#!/usr/bin/env python3
"""Writes the models of make_graphs.py as torch.jit.trace and torch.jit.script write them.

usage: make_torchscript.py FOLDER [NAME-traced|NAME-scripted...]

Values and logits are those that make_graphs.py writes. Requires PyTorch; the files in torchscript/ come from version 2.13.
"""
import linecache
import os
import re
import sys
import types
import warnings

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = [
    "timm-traced", "timm-scripted", "timm-by-hand-traced", "timm-scaled-scripted", "rms-traced", "torchvision-traced",
    "torchvision-scripted", "reference-traced", "reference-scripted", "own-scripted", "assigned-traced", "encoder-traced",
    "mixed-traced", "stem-scripted", "computed-traced", "interpolated-traced"
]


def load_models():
    """make_graphs.py with numbers instead of its constants, because scripted code refers to no globals."""
    with open(os.path.join(HERE, "make_graphs.py"), encoding="utf-8") as file:
        code = file.read()
    values = {"SIDE": 16, "PATCH": 8, "WIDTH": 16, "HEADS": 2, "HIDDEN": 24, "CLASSES": 5, "PATCHES": 4, "PIXELS": 192}
    head, mark, classes = code.partition("# Models that layouts describe.")
    code = head + mark + re.sub(rf"\b({'|'.join(values)})\b", lambda match: str(values[match[1]]), classes)
    name = "make_graphs.py"  # without the folder, which would be in the files
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    models = types.ModuleType("make_graphs")
    models.__file__ = name
    sys.modules["make_graphs"] = models
    exec(compile(code, name, "exec"), models.__dict__)
    return models


def main(folder, names):
    warnings.simplefilter("ignore")
    models = load_models()
    for file in names or FILES:
        name, kind = file.rsplit("-", 1)
        torch.manual_seed(1)
        model = models.MODELS[name][0]().eval()
        models.initialise(model)
        with torch.no_grad():
            image = torch.zeros(1, 3, 16, 16)
            scripted = torch.jit.script(model) if kind == "scripted" else torch.jit.trace(model, image, check_trace=False)
        scripted.save(os.path.join(folder, file + ".pt"))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
