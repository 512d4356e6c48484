"""Compares the output noise of the layer "head" in a report with that of the logits, which are its output.

usage: check_output_noise.py REPORT F32-LOGITS COMPRESSED-LOGITS

Prints the names of the layers and attentions with and without output noise.
"""
import array
import json
import sys

CLASSES = 10
IMAGES = 32  # the images that the compiler looks at

report = json.load(open(sys.argv[1]))
before, after = (array.array("f", open(path, "rb").read())[:IMAGES * CLASSES] for path in sys.argv[2:])
means = [sum(before[c::CLASSES]) / IMAGES for c in range(CLASSES)]
expected = (sum((a - b) ** 2 for a, b in zip(after, before, strict=True)) /
            sum((b - means[i % CLASSES]) ** 2 for i, b in enumerate(before)))
records = report["quantization"]["linears"] + report["quantization"]["attentions"]
found = {record["name"]: record.get("output_noise") for record in records}
assert abs(found["head"] - expected) < 1e-4 * expected, (found["head"], expected)
for name, noise in found.items():
    print(f"{name}: {'unknown' if noise is None else 'below 1' if 0 < noise < 1 else noise}")
