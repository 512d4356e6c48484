#!/usr/bin/env python3
"""Runs the examples in the descriptions of passes: check_pass_examples.py Passes.td...

The description of every pass has two blocks of IR, one after a line "Before:" and one after a line "After:". The pass
turns the first into the second, but for the names of values and the order of attributes: both go through vitya-opt
before they are compared, and the bytes of resources are left out. "After, with `OPTIONS`:" gives the pass options, in
which %demo is the folder of the model that ships. Prints a diff and exits with 1 where an example is
missing or wrong.
"""

import difflib
import pathlib
import re
import subprocess
import sys
import textwrap

PASS = re.compile(r'^def \w+ : Pass<"([\w-]+)", "::mlir::(?:\w+::)?(\w+)Op">(.*?)^}\n', re.MULTILINE | re.DOTALL)
DEMO = pathlib.Path(__file__).parents[2] / "tools" / "demo"
BLOCK = re.compile(r"^ *(Before|After)(?:, with `([^`]*)`)?:\n\n *```mlir\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
ANCHORS = {"Module": "builtin.module(%s)", "Func": "builtin.module(func.func(%s))"}


def run(ir, *arguments):
    """The lines that vitya-opt prints, without those that hold resources."""
    result = subprocess.run(["vitya-opt", "-", *arguments], input=ir, capture_output=True, text=True)
    if result.returncode != 0:
        return [f"vitya-opt failed: {line}" for line in result.stderr.splitlines()]
    return result.stdout.split("{-#")[0].split("\n")


def check(flag, anchor, description):
    found = BLOCK.findall(description)
    blocks = {when: textwrap.dedent(ir) for when, _, ir in found}
    options = " ".join(options for _, options, _ in found).strip().replace("%demo", str(DEMO))
    if set(blocks) != {"Before", "After"}:
        return [f"expected one block before and one after, found {sorted(blocks)}"]
    found = run(blocks["Before"], f"--pass-pipeline={ANCHORS[anchor] % (f'{flag}{{{options}}}' if options else flag)}")
    return list(difflib.unified_diff(run(blocks["After"]), found, "described", "found", lineterm=""))


passes = [each for path in sys.argv[1:] for each in PASS.findall(pathlib.Path(path).read_text(encoding="utf-8"))]
failures = 0
for flag, anchor, description in passes:
    errors = check(flag, anchor, description)
    failures += bool(errors)
    print(f"{flag}: {'wrong' if errors else 'right'}", *errors, sep="\n")
print(f"{len(passes)} passes, {failures} wrong")
sys.exit(1 if failures or not passes else 0)
