#!/usr/bin/env python3
"""Check that no #include points up: each folder includes only itself and what stands below it (docs/architecture.md).

usage: check_floors.py ROOT
"""
import os
import re
import sys

# For each folder, longest path first: the folders of this project and the libraries that it may include.
FLOORS = {
    "runtime": ["runtime", "stb"],
    "passes/numerics": ["passes/numerics", "Eigen"],
    "dialect/reference": ["dialect", "passes/numerics", "runtime/image", "mlir", "llvm", "Eigen"],
    "dialect": ["dialect", "mlir", "llvm"],
    "passes/pipelines": ["passes", "dialect", "mlir", "llvm"],
    "passes/emit": ["passes", "dialect", "runtime", "mlir", "llvm", "lld"],
    "passes": ["passes", "dialect", "runtime/image", "mlir", "llvm", "Eigen"],
    "frontend/checkpoint": ["frontend/checkpoint", "passes/numerics", "llvm", "Eigen"],
    "frontend/torch": ["frontend", "dialect", "passes", "mlir", "llvm", "torch", "ATen", "c10", "caffe2"],
    "frontend": ["frontend", "dialect", "passes/numerics", "mlir", "llvm"],
    "tools": ["tools", "frontend", "passes", "dialect", "runtime", "mlir", "llvm"],
    # Independent of everything that it judges.
    "test/oracle": ["test/oracle", "torch", "ATen", "c10", "caffe2"],
}
OURS = {"runtime", "passes", "dialect", "frontend", "tools", "test"}
LIBRARIES = {"mlir", "llvm", "lld", "Eigen", "torch", "ATen", "c10", "caffe2", "stb"}
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)


def is_inside(path, folder):
    return path == folder or path.startswith(folder + "/")


def main(root):
    mistakes, seen = [], 0
    for folder, allowed in FLOORS.items():
        for parent, _, names in os.walk(os.path.join(root, folder)):
            for name in sorted(names):
                path = os.path.relpath(os.path.join(parent, name), root)
                closest = max((f for f in FLOORS if is_inside(path, f)), key=len)
                if closest != folder or not name.endswith((".h", ".cpp", ".td")):
                    continue
                seen += 1
                with open(os.path.join(root, path), encoding="utf-8") as file:
                    text = file.read()
                for include in INCLUDE.findall(text):
                    if include.split("/")[0] not in OURS | LIBRARIES:
                        continue  # the standard library, the system, and small libraries
                    if not any(is_inside(include, f) for f in allowed):
                        mistakes.append(f"{path}: expected includes of {', '.join(allowed)}, found {include}")
    print("\n".join(mistakes) if mistakes else f"{seen} files keep to their floor")
    return 1 if mistakes or not seen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
