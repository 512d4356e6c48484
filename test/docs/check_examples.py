#!/usr/bin/env python3
"""Verifies every ```mlir block of the given documents with vitya-opt.

usage: check_examples.py DOCUMENT...

A block that is not a complete module is wrapped in a function. Values that it uses but does not define become arguments,
with the types that their first use states: in the type list after the operands of a vitya op, or in `: type` after an
arith, math or tensor op on tensors. Attributes and types must be shown within a module. A block marked ```mlir-error must
be rejected.
"""
import re
import subprocess
import sys

FENCE = re.compile(r"^( *)```(mlir|mlir-error)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
COMPLETE = re.compile(r"^(//.*\n)*(module|(\w+\.)?func|\w+\.global|builtin\.module|#|!)")


def split_types(text):
    """Splits a list of types at the commas outside brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += c in "<([{"
        # The > of an arrow is not a bracket.
        depth -= c in ")]}" or (c == ">" and text[i - 1] != "-")
        if c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    return parts + [text[start:].strip()]


def statements(block):
    """Returns the ops of a fragment, each as one line. Lines with deeper indentation continue the previous op."""
    lines = [line for line in block.splitlines() if line.strip() and not line.strip().startswith("//")]
    indent = min(len(line) - len(line.lstrip()) for line in lines)
    ops = []
    for line in lines:
        if len(line) - len(line.lstrip()) == indent and not line.strip().startswith((":", "}")):
            ops.append(line.strip())
        else:
            ops[-1] += " " + line.strip()
    return ops


def operand_types(op):
    """Returns pairs of the operands of `op` and their types. If there are fewer types, the first applies to all."""
    body = op.split("=", 1)[1] if re.match(r"%[\w.:, %]+ = ", op) else op
    inline = re.findall(r"\((%[\w.]+) : ([^()]*)\)", body)  # params(%p : type)
    body = re.sub(r"\(%[\w.]+ : [^()]*\)", "", body)
    operands_text, _, types_text = body.rpartition(" : ")
    operands = re.findall(r"%[\w.#]+", operands_text)
    # The types end at the arrow of the op itself, which is the first one outside all brackets.
    depth, end = 0, len(types_text)
    for i, c in enumerate(types_text):
        if depth == 0 and types_text.startswith("->", i):
            end = i
            break
        depth += c in "<([{"
        depth -= c in ")]}" or (c == ">" and types_text[i - 1] != "-")
    types = types_text[:end].strip()
    if types.startswith("(") and types.endswith(")"):
        types = types[1:-1]
    types = split_types(types.split(" to ")[0])
    return inline + list(zip(operands, types if len(types) >= len(operands) else types * len(operands)))


def complete(block):
    """Returns `block` as a module that can be parsed."""
    if COMPLETE.match(block.lstrip()):
        return block
    defined, arguments = set(), {}
    callees = {}
    for op in statements(block):
        for operand, type_ in operand_types(op):
            if operand not in defined:
                arguments.setdefault(operand, type_)
        if call := re.search(r"call @([\w.]+)\([^)]*\)(?: \{.*?\})? : (.*)$", re.sub(r"\s+", " ", op)):
            callees[call[1]] = call[2].strip()
        if results := re.match(r"((?:%[\w.]+(?::\d+)?(?:, )?)+) = ", op):
            defined.update(result.split(":")[0] for result in results[1].split(", "))
    declarations = "".join(f"func.func private @{name}{type_}\n" for name, type_ in callees.items())
    parameters = ", ".join(f"{name}: {type_}" for name, type_ in arguments.items())
    return f"{declarations}func.func @example({parameters}) {{\n{block}\nreturn\n}}\n"


def main(paths):
    failed = checked = 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            block = match[3]
            program = complete(block)
            run = subprocess.run(["vitya-opt", "-o", "/dev/null", "-"], input=program, text=True, capture_output=True)
            checked += 1
            if (run.returncode == 0) != (match[2] == "mlir"):
                failed += 1
                print(f"{path}:{line}: expected {'IR that verifies' if match[2] == 'mlir' else 'an error'}, found:\n"
                      f"{run.stderr or 'none'}\n{program}")
    print(f"{checked} examples, {failed} failed")
    return 1 if failed or not checked else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
