#!/usr/bin/env python3
"""Compares two files of logits, little-endian f32 with `--classes` logits per image.

usage: compare-logits.py A B [--classes=10] [--absolute=LIMIT] [--relative=LIMIT] [--differing-top1=MAX] [--identical]

Prints the number of images, the largest absolute difference, the largest difference relative to the largest logit of B, and
the number of images with the same predicted class. Exits with 1 if a limit is exceeded, and with 2 if the files cannot be
compared. Standard library only.
"""
import argparse
import array
import math
import sys


def read(path):
    values = array.array("f")
    try:
        with open(path, "rb") as file:
            values.frombytes(file.read())
    except (OSError, ValueError) as error:
        stop(f"expected f32 logits in '{path}', found: {error}")
    if sys.byteorder == "big":
        values.byteswap()
    return values


def stop(message):
    print(f"compare-logits: {message}", file=sys.stderr)
    sys.exit(2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--absolute", type=float, default=math.inf)
    parser.add_argument("--relative", type=float, default=math.inf)
    parser.add_argument("--differing-top1", type=int, default=None)
    parser.add_argument("--identical", action="store_true")
    options = parser.parse_args()
    a, b = read(options.a), read(options.b)
    classes = options.classes
    if len(a) != len(b) or not a or len(a) % classes:
        stop(f"expected two files with the same number of rows of {classes} logits, found {len(a)} and {len(b)} values")
    if not all(map(math.isfinite, a)) or not all(map(math.isfinite, b)):
        stop("expected finite logits, found others")
    images = len(a) // classes
    largest = max(map(abs, b))
    absolute = max(abs(x - y) for x, y in zip(a, b))
    relative = absolute / largest if largest else math.inf

    def top1(values, image):
        row = values[image * classes:(image + 1) * classes]
        return row.index(max(row))

    same = sum(top1(a, image) == top1(b, image) for image in range(images))
    print(f"images {images}")
    print(f"largest difference {absolute:.3e}, {relative:.3e} of the largest logit {largest:.4f}")
    print(f"same top-1 {same} of {images}")
    failed = absolute > options.absolute or relative > options.relative
    failed |= options.differing_top1 is not None and images - same > options.differing_top1
    failed |= options.identical and a.tobytes() != b.tobytes()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
