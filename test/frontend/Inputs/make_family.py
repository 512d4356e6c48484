#!/usr/bin/env python3
"""Writes a checkpoint of a model of another library, and the logits that the library's own code computed for it.

    make_family.py FAMILY.json CHECKPOINT LOGITS [OLD=NEW ...]

FAMILY.json has the names and shapes of a state dict and logits; see families.py. The weights follow from the names. The
checkpoint is safetensors without settings, and the logits are f32. OLD is replaced by NEW in the names of the checkpoint.
Standard library only.
"""
import array
import json
import math
import random
import struct
import sys


def values(name, shape):
    """Returns the elements of a tensor: random, such that each one affects the logits."""
    numbers = random.Random(name)
    count = math.prod(shape)
    if "norm" in name or name.endswith((".gamma", ".lambda1")) or ".ln_" in name or ".net.0." in name:
        center, spread = (0.0, 0.3) if name.endswith("bias") else (1.0, 0.3)
    elif name.endswith("running_var"):
        center, spread = 1.0, 0.3
    elif len(shape) == 1 or "token" in name or "pos" in name:
        center, spread = 0.0, 0.5
    else:
        center, spread = 0.0, 2 * math.sqrt(3 / math.prod(shape[1:]))
    return array.array("f", (center + spread * numbers.uniform(-1, 1) for _ in range(count)))


def main():
    family, checkpoint, logits, *renamed = sys.argv[1:]
    with open(family) as file:
        content = json.load(file)
    header, data = {}, b""
    for name, shape in content["tensors"].items():
        raw = values(name, shape).tobytes()
        for old, new in (pair.split("=") for pair in renamed):
            name = name.replace(old, new)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(checkpoint, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
    with open(logits, "wb") as file:
        file.write(array.array("f", sum(content["logits"], [])).tobytes())


if __name__ == "__main__":
    main()
