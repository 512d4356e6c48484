#!/usr/bin/env python3
"""Checks the logits of a cascade against those of its two models, and the counts that it reports.

usage: check_cascade.py CASCADE.f32 FIRST.f32 DENSE.f32 CLASSES INFO.json EVAL.json

Logits are little-endian f32, [image, class], and the counts of INFO.json are of the same images as those of EVAL.json. An
image has the logits of the dense model where the two largest logits of the first one differ by less than the margin, and
those of the first model elsewhere. Both must occur. Standard library only.
"""
import array
import json
import sys


def read_rows(path, classes):
    logits = array.array("f")
    with open(path, "rb") as file:
        logits.frombytes(file.read())
    return [logits[i:i + classes] for i in range(0, len(logits), classes)]


def margin(row):
    largest, second = sorted(row, reverse=True)[:2]
    return array.array("f", [largest - second])[0]


def main(cascade, first, dense, classes, info, evaluation):
    cascade, first, dense = (read_rows(path, int(classes)) for path in (cascade, first, dense))
    with open(info, encoding="utf-8") as file:
        described = json.load(file)["cascade"]
    with open(evaluation, encoding="utf-8") as file:
        deferred = json.load(file)["deferred"]
    isDeferred = [margin(row) < described["margin"] for row in first]
    for index, row in enumerate(cascade):
        if row != (dense if isDeferred[index] else first)[index]:
            sys.exit(f"image {index}: expected the logits of the {'dense' if isDeferred[index] else 'first'} model")
    best = lambda row: max(range(len(row)), key=row.__getitem__)
    disagreements = sum(best(a) != best(b) for a, b, skip in zip(first, dense, isDeferred) if not skip)
    counts = [len(cascade), sum(isDeferred), disagreements]
    if [described["images"], described["deferred"], described["disagreements"]] != counts or deferred != counts[1]:
        sys.exit(f"expected {counts} images, deferred and disagreements, found {described} and {deferred} deferred by eval")
    if not 0 < deferred < len(cascade):
        sys.exit(f"expected some images to be deferred, found {deferred} of {len(cascade)}")
    print(f"{deferred} of {len(cascade)} deferred, {disagreements} disagree")


if __name__ == "__main__":
    main(*sys.argv[1:])
