#!/usr/bin/env python3
"""Executes the examples in the descriptions of passes.

usage: check_pass_examples.py [--plugin=FILE.so] Passes.td...

The description of every pass has two blocks of IR, one after a line "Before:" and one after a line "After:". The pass must
transform the first into the second. Both go through vitya-opt before they are compared, so names of values and the order of
attributes do not matter. The contents of resources are compared only if the second block has a section of resources. "After, with `OPTIONS`:" gives options of the pass, in which
%demo is the folder of the demo model. A plugin may contain passes that vitya-opt does not have. Prints a diff and exits
with 1 if an example is missing or wrong.
"""

import argparse
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


def run(ir, with_resources, *arguments):
    """Returns the lines that vitya-opt prints, or its errors."""
    result = subprocess.run(["vitya-opt", "-", *arguments], input=ir, capture_output=True, text=True)
    if result.returncode != 0:
        return [f"vitya-opt failed: {line}" for line in result.stderr.splitlines()]
    return (result.stdout if with_resources else result.stdout.split("{-#")[0]).split("\n")


def check(flag, anchor, description, plugin):
    """Returns the difference between the described and the actual result of a pass, as lines; none if they are equal."""
    found = BLOCK.findall(description)
    blocks = {when: textwrap.dedent(ir) for when, _, ir in found}
    options = " ".join(options for _, options, _ in found).strip().replace("%demo", str(DEMO))
    if set(blocks) != {"Before", "After"}:
        return [f"expected one block before and one after, found {sorted(blocks)}"]
    with_resources = "{-#" in blocks["After"]
    pipeline = ANCHORS[anchor] % (f"{flag}{{{options}}}" if options else flag)
    actual = run(blocks["Before"], with_resources, f"--pass-pipeline={pipeline}", *plugin)
    described = run(blocks["After"], with_resources)
    return list(difflib.unified_diff(described, actual, "described", "found", lineterm=""))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plugin")
    parser.add_argument("files", metavar="Passes.td", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    plugin = [f"--load-pass-plugin={options.plugin}"] if options.plugin else []
    passes = [each for path in options.files for each in PASS.findall(path.read_text(encoding="utf-8"))]
    failures = 0
    for flag, anchor, description in passes:
        errors = check(flag, anchor, description, plugin)
        failures += bool(errors)
        print(f"{flag}: {'wrong' if errors else 'right'}", *errors, sep="\n")
    print(f"{len(passes)} passes, {failures} wrong")
    return 1 if failures or not passes else 0


if __name__ == "__main__":
    sys.exit(main())
