#!/usr/bin/env python3
"""A linear model of images of 3 x 11 x 11 with five classes. Standard library only.

    linear_model.py PREPROCESSING            writes its IR; PREPROCESSING is such as "bicubic resize [15]"
    linear_model.py PREDICTIONS LOGITS.f32   compares the output of `classify --json` with logits

`classify` prints probabilities. Their logarithms differ from the logits by a number for each picture, which is removed from
both by subtracting the mean. Exits with 1 if any differs by more than 1 % of the largest.
"""
import array
import json
import math
import sys

SIDE, CLASSES = 11, 5
COLUMNS = 3 * SIDE * SIDE
WEIGHT = [[((row * 37 + column * 101) % 64 - 31.5) / 512 for column in range(COLUMNS)] for row in range(CLASSES)]


def ir(preprocessing):
    weight = "], [".join(", ".join(repr(value) for value in row) for row in WEIGHT)
    classes = ", ".join('"%d"' % index for index in range(CLASSES))
    image, row = "tensor<3x%dx%dxf32>" % (SIDE, SIDE), "tensor<1x%dxf32>" % COLUMNS
    return f"""module attributes {{vitya.model = #vitya.model<name = "linear", image = [3, {SIDE}, {SIDE}],
                                              classes = [{classes}], preprocessing = <{preprocessing}>>}} {{
  func.func @main(%image: {image}) -> tensor<1x{CLASSES}xf32> {{
    %weight = arith.constant dense<[[{weight}]]> : tensor<{CLASSES}x{COLUMNS}xf32>
    %pixels = vitya.normalize %image mean [0.5, 0.5, 0.5] std [0.25, 0.25, 0.25] : {image}
    %patch = vitya.patchify %pixels [{SIDE}, {SIDE}] channel_row_column : {image} -> {row}
    %logits = vitya.linear "head" %patch, %weight : {row}, tensor<{CLASSES}x{COLUMNS}xf32> -> tensor<1x{CLASSES}xf32>
    return %logits : tensor<1x{CLASSES}xf32>
  }}
}}"""


def centred(values):
    mean = sum(values) / len(values)
    return [value - mean for value in values]


def compare(predictions, logits):
    expected = array.array("f")
    with open(logits, "rb") as file:
        expected.frombytes(file.read())
    largest = max(abs(value) for value in expected)
    with open(predictions) as file:
        lines = [json.loads(line) for line in file]
    worst = 0
    for index, line in enumerate(lines):
        found = {int(guess["name"]): math.log(guess["probability"]) for guess in line["classes"]}
        pairs = zip(centred([found[i] for i in range(CLASSES)]), centred(expected[index * CLASSES:(index + 1) * CLASSES]))
        worst = max(worst, *(abs(a - b) for a, b in pairs))
    print("%d pictures, largest difference %.2g of the largest logit" % (len(lines), worst / largest))
    sys.exit(worst > 0.01 * largest or len(lines) * CLASSES != len(expected))


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(ir(sys.argv[1]))
    else:
        compare(*sys.argv[1:])
