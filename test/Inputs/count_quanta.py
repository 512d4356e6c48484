#!/usr/bin/env python3
"""Count the quantized activations that differ between compiled code and the reference interpreter, end to end.

usage: count_quanta.py MODEL.mlir IMAGES [--count=8] [--first=N] [--work=.]

MODEL is a statically quantized model of phase compress, as text. For every quant.qcast of its function (or the --first) a
model that ends with the value it reads is run by both engines of vitya-run, which must be on the PATH. Prints for each
the numbers and how many of their quanta differ, and in the end of all; exits with 1 where one in a thousand or more
differs, or one by more than one step. Standard library only.
"""
import argparse
import array
import os
import re
import subprocess
import sys

CAST = re.compile(r"quant\.qcast (%\S+) : (tensor<\S+>) to tensor<.*!quant\.uniform<([ui])8(?:<-127:127>)?:f32, ([-+.e0-9]+)(?::(-?\d+))?>>")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("images")
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--first", type=int)
    parser.add_argument("--work", default=".")
    options = parser.parse_args()

    with open(options.model, encoding="utf-8") as file:
        lines = file.read().split("\n")
    # What the model is as a whole no longer holds once it is cut.
    module = next(i for i, line in enumerate(lines) if line.startswith("module attributes"))
    image = re.search(r"image = (\[[^]]*\])", lines[module]).group(1)
    begin = next(i for i, line in enumerate(lines) if "func.func @main" in line)
    end = next(i for i in range(begin, len(lines)) if lines[i].strip() == "}")
    casts = [(i, CAST.search(lines[i])) for i in range(begin, end) if "quant.qcast" in lines[i]]
    assert casts and all(match for _, match in casts), "expected statically quantized activations"

    def run(engine):
        output = os.path.join(options.work, f"quanta.{engine}")
        model = os.path.join(options.work, "quanta.mlir")
        subprocess.run(["vitya-run", model, f"--images={options.images}", f"--count={options.count}", "--raw",
                        f"--engine={engine}", "-o", output], check=True)
        values = array.array("f")
        with open(output, "rb") as file:
            values.frombytes(file.read())
        return values

    total = differing = farthest = 0
    for line, match in casts[:options.first]:
        value, type_, sign, scale, zero = match.groups()
        rows, columns = map(int, re.findall(r"\d+(?=x)", type_))
        flat, logits = f"tensor<{rows * columns}xf32>", f"tensor<1x{rows * columns}xf32>"
        signature = re.sub(r"-> tensor<[^>]*>", f"-> {logits}", lines[begin])
        classes = ", ".join(f'"{i}"' for i in range(rows * columns))
        lines[module] = f'module attributes {{vitya.model = #vitya.model<name = "cut", image = {image}, classes = [{classes}]>}} {{'
        result = f"""    %flat = tensor.collapse_shape {value} [[0, 1]] : {type_} into {flat}
    %logits = tensor.expand_shape %flat [[0, 1]] output_shape [1, {rows * columns}] : {flat} into {logits}
    return %logits : {logits}"""
        cut = [*lines[:begin], signature, *lines[begin + 1:line], result, *lines[end:]]
        with open(os.path.join(options.work, "quanta.mlir"), "w", encoding="utf-8") as file:
            file.write("\n".join(cut))
        low, high = (0, 255) if sign == "u" else (-127, 127)
        inverse = array.array("f", [1 / array.array("f", [float(scale)])[0]])[0]

        def quantum(x):
            return min(max(round(array.array("f", [x * inverse])[0]) + int(zero or 0), low), high)

        steps = [abs(quantum(a) - quantum(b)) for a, b in zip(run("reference"), run("compiled"))]
        different = sum(step != 0 for step in steps)
        print(f"{value}: {different} of {len(steps)} differ")
        total, differing, farthest = total + len(steps), differing + different, max(farthest, *steps)
    print(f"all: {differing} of {total} differ ({100 * differing / total:.4f} %), by {farthest} at most")
    return differing * 1000 >= total or farthest > 1


if __name__ == "__main__":
    sys.exit(main())
