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
    "bf16-zmm": r"vdpbf16ps\s.*%zmm\d+$",
    "madd-ymm": r"vpmaddwd\s.*%ymm\d+$",
    "madd-zmm": r"vpmaddwd\s.*%zmm\d+$",
    "short-ymm": r"vpmaddubsw\s.*%ymm\d+$",
    "short-zmm": r"vpmaddubsw\s.*%zmm\d+$",
    "broadcast": r"vbroadcastss\s[^%]*\(|vpbroadcastd\s[^%]*\(|\{1to16\}|vpbroadcastd\s+%[er]",
    "scalar": r"v(?:add|sub|mul|div|sqrt|max|min|fn?m(?:add|sub)\d+)ss\s",
    "stack": r"v\w+\s.*\(%r[sb]p",
    "call": r"callq?\s",
}

# On AArch64. `mul-i8` and `mul-i16` are products of bytes and of 16-bit integers, `widen` adds sums of 16 bits to 32.
AARCH64_KINDS = {
    "fma": r"fmla\s+v\d+\.4s",
    "sdot": r"\bsdot\s+v\d+\.4s",
    "usdot": r"usdot\s+v\d+\.4s",
    "mul-i8": r"sml?[ua]l?l2?\s+v\d+\.8h",
    "mul-i16": r"sml?[ua]l?l2?\s+v\d+\.4s",
    "widen": r"sadalp\s+v\d+\.4s",
    "sub": r"\bsub\s+v\d+\.4s",
    "scalar": r"f(?:add|sub|mul|div|sqrt|max|min|n?m(?:add|sub))\s+s\d",
    "stack": r"(?:ldr|str|ldp|stp|ldur|stur)\s+q\d+.*\[sp",
    "call": r"bl\s",
}


def inner_loops(lines):
    """Returns (function, first line, last line) of each innermost loop, from a label to a backward jump to it."""
    labels, loops, function = {}, [], None
    for i, line in enumerate(lines):
        if label := re.match(r"(\.L\w+):", line):
            labels[label[1]] = i
        elif name := re.match(r"(\w+):", line):
            function = name[1].removesuffix("_body")
        elif (jump := re.match(r"\s+(?:j\w+\s+|b(?:\.\w+)?\s+|cbn?z\s.*, |tbn?z\s.*, )(\.L\w+)", line)) and jump[1] in labels:
            loops.append((function, labels[jump[1]], i))
    return [loop for loop in loops if not any(loop[1] <= other[1] and other[2] <= loop[2] and other != loop for other in loops)]


with open(sys.argv[1], encoding="utf-8") as file:
    assembly = [re.split("//|# |##", line)[0].rstrip() for line in file]
is_aarch64 = any(re.match(r"\s+ret$", line) for line in assembly)
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
    kinds = AARCH64_KINDS if is_aarch64 else KINDS if function in framed else {**KINDS, "stack": KINDS["stack"].replace("[sb]p", "sp")}
    counts = {kind: sum(bool(re.search(pattern, line)) for line in assembly[first:last]) for kind, pattern in kinds.items()}
    print(f"{function}:", *(f"{kind}={count}" for kind, count in counts.items() if count))
