#!/usr/bin/env python3
"""Counts instructions in the innermost loops of functions.

usage: inner_loops.py FILE.s [FUNCTION...]

Prints one line for each innermost loop of the FUNCTIONs, by default of all functions: the function and the number of
instructions of each kind in the loop. `stack` counts vector loads from and stores to the stack.
"""

import re
import sys

KINDS = {
    "fma-ymm": r"vfmadd\d+ps\s.*%ymm\d+$",
    "fma-zmm": r"vfmadd\d+ps\s.*%zmm\d+$",
    "dot-ymm": r"vpdpbusd\s.*%ymm\d+$",
    "dot-zmm": r"vpdpbusd\s.*%zmm\d+$",
    "madd-ymm": r"vpmaddwd\s.*%ymm\d+$",
    "madd-zmm": r"vpmaddwd\s.*%zmm\d+$",
    "short-ymm": r"vpmaddubsw\s.*%ymm\d+$",
    "short-zmm": r"vpmaddubsw\s.*%zmm\d+$",
    "broadcast": r"vbroadcastss\s[^%]*\(|vpbroadcastd\s[^%]*\(|\{1to16\}|vpbroadcastd\s+%[er]",
    "scalar": r"v(?:add|sub|mul|div|sqrt|max|min|fn?m(?:add|sub)\d+)ss\s",
    "stack": r"v\w+\s.*\(%r[sb]p",
    "call": r"callq?\s",
}


def inner_loops(lines):
    """Returns (function, first line, last line) of each innermost loop, from a label to a backward jump to it."""
    labels, loops, function = {}, [], None
    for i, line in enumerate(lines):
        if label := re.match(r"(\.L\w+):", line):
            labels[label[1]] = i
        elif name := re.match(r"(\w+):", line):
            function = name[1].removesuffix("_body")
        elif (jump := re.match(r"\s+j\w+\s+(\.L\w+)", line)) and jump[1] in labels:
            loops.append((function, labels[jump[1]], i))
    return [loop for loop in loops if not any(loop[1] <= other[1] and other[2] <= loop[2] and other != loop for other in loops)]


with open(sys.argv[1], encoding="utf-8") as file:
    assembly = [line.split("#")[0].rstrip() for line in file]
# Functions that use %rbp as the frame pointer. In other functions %rbp is a general-purpose register.
framed, function = set(), None
for line in assembly:
    if name := re.match(r"(\w+):", line):
        function = name[1].removesuffix("_body")
    elif re.match(r"\s+movq\s+%rsp, %rbp", line):
        framed.add(function)

for function, first, last in inner_loops(assembly):
    if len(sys.argv) > 2 and function not in sys.argv[2:]:
        continue
    kinds = KINDS if function in framed else {**KINDS, "stack": KINDS["stack"].replace("[sb]p", "sp")}
    counts = {kind: sum(bool(re.search(pattern, line)) for line in assembly[first:last]) for kind, pattern in kinds.items()}
    print(f"{function}:", *(f"{kind}={count}" for kind, count in counts.items() if count))
