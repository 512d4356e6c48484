#!/usr/bin/env python3
"""Copies a zip archive with changes.

usage: edit_archive.py FROM TO [--entry=NAME] [--replace=OLD=>NEW]... [--drop=NAME]... [--rename=OLD=>NEW]... [--add=NAME=>TEXT]...

Names are those behind the first slash, or whole names of entries outside any folder. Replacements are made in --entry, and
each must change something; \\n stands for the end of a line. Standard library only.
"""
import argparse
import sys
import zipfile


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--entry", default="models/model.json")
    for option in ("--replace", "--drop", "--rename", "--add"):
        parser.add_argument(option, action="append", default=[])
    arguments = parser.parse_args()
    renamed = dict(pair.split("=>") for pair in arguments.rename)
    with zipfile.ZipFile(arguments.source) as source, zipfile.ZipFile(arguments.target, "w") as target:
        for name in source.namelist():
            folder, slash, rest = name.partition("/")
            key = rest if slash else name
            data = source.read(name)
            if key in arguments.drop:
                continue
            if key == arguments.entry:
                for pair in arguments.replace:
                    old, new = (text.replace("\\n", "\n").encode() for text in pair.split("=>"))
                    if old not in data:
                        sys.exit(f"edit_archive.py: expected '{old.decode()}' in '{name}', found none")
                    data = data.replace(old, new)
            target.writestr(folder + slash + renamed.get(key, key) if slash else renamed.get(key, key), data)
        for pair in arguments.add:
            name, text = pair.split("=>")
            target.writestr(source.namelist()[0].split("/")[0] + "/" + name, text)


if __name__ == "__main__":
    main()
