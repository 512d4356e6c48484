#!/usr/bin/env python3
"""Check that the paths which documents mention exist.

usage: check_paths.py ROOT DOCUMENT...

A path is text in backticks that starts with a folder of the top level, or the target of a link. A trailing "..." or a pattern
with a wildcard is matched as a glob, and FOLDER/{A,B} is expanded as the shell does.
"""
import glob
import os
import re
import sys

CODE = re.compile(r"`((?:dialect|docs|frontend|passes|runtime|test|tools)/[\w./*{},-]*)`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
BRACES = re.compile(r"(.*)\{([^}]*)\}(.*)")


def expand(path):
    match = BRACES.fullmatch(path)
    return [match[1] + part + match[3] for part in match[2].split(",")] if match else [path]


def main(root, documents):
    missing, seen = [], 0
    for document in documents:
        with open(document, encoding="utf-8") as file:
            text = file.read()
        folder = os.path.dirname(document)
        paths = [(root, path) for code in CODE.findall(text) for path in expand(code)]
        paths += [(folder, link) for link in LINK.findall(text)]
        for start, path in paths:
            seen += 1
            if not glob.glob(os.path.join(start, path)):
                missing.append(f"{document}: expected a file or folder '{path}', found none")
    print("\n".join(missing) if missing else f"{seen} paths exist")
    return 1 if missing or not seen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
