#!/usr/bin/env python3
"""Checks that each folder includes only headers that the table of floors in docs/architecture.md allows.

A folder may include itself and everything that its row names. A name in backticks is a folder of this project; any other
name is a library.

usage: check_floors.py ARCHITECTURE.md ROOT
"""
import os
import re
import sys

ROW = re.compile(r"^\| (\d+) \| `([\w/]+)` \| (.*) \|$", re.MULTILINE)
OURS = {"runtime", "passes", "dialect", "frontend", "tools", "test"}
LIBRARIES = {"mlir", "llvm", "lld", "Eigen", "torch", "ATen", "c10", "caffe2", "stb", "nanobind"}
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)


def is_inside(path, folder):
    return path == folder or path.startswith(folder + "/")


def read_floors(document):
    """Returns, for each folder of the table, the folders and libraries that it may include."""
    with open(document, encoding="utf-8") as file:
        rows = ROW.findall(file.read())
    floors = {folder: int(floor) for floor, folder, _ in rows}
    allowed = {}
    for floor, folder, text in rows:
        names = [name.strip("`") for name in text.split(", ")]
        if names == ["everything below"]:
            names = [other for other, below in floors.items() if below < int(floor)] + sorted(LIBRARIES)
        for name in names:
            if name not in LIBRARIES and name not in floors:
                sys.exit(f"{document}: expected a row for '{name}', which '{folder}' may include, found none")
            if name in floors and floors[name] >= int(floor) and not (is_inside(folder, name) or is_inside(name, folder)):
                sys.exit(f"{document}: expected '{folder}' to include from lower floors only, found '{name}'")
        allowed[folder] = [folder] + names
    return allowed


def main(document, root):
    floors = read_floors(document)
    closest = lambda path: max((folder for folder in floors if is_inside(path, folder)), key=len, default=None)
    mistakes, seen = [], 0
    for folder, allowed in floors.items():
        for parent, _, names in os.walk(os.path.join(root, folder)):
            for name in sorted(names):
                path = os.path.relpath(os.path.join(parent, name), root)
                if closest(path) != folder or not name.endswith((".h", ".cpp", ".td")):
                    continue
                seen += 1
                with open(os.path.join(root, path), encoding="utf-8") as file:
                    text = file.read()
                for include in INCLUDE.findall(text):
                    if include.split("/")[0] not in OURS | LIBRARIES:
                        continue  # headers of the standard library, of the system, or of a small library
                    if (closest(include) or include.split("/")[0]) not in allowed:
                        mistakes.append(f"{path}: expected includes of {', '.join(allowed)}, found {include}")
    print("\n".join(mistakes) if mistakes else f"{seen} files keep to their floor")
    return 1 if mistakes or not seen else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
