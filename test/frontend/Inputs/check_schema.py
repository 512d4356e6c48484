#!/usr/bin/env python3
"""Checks that a JSON Schema accepts some files and refuses others.

    check_schema.py SCHEMA VALID ... --invalid INVALID ...

Requires jsonschema.
"""
import json
import sys

import jsonschema


def main():
    schema, *files = sys.argv[1:]
    with open(schema) as file:
        content = json.load(file)
    jsonschema.Draft202012Validator.check_schema(content)
    validator = jsonschema.Draft202012Validator(content)
    split = files.index("--invalid")
    failed = False
    for path in files[:split] + files[split + 1:]:
        with open(path) as file:
            errors = list(validator.iter_errors(json.load(file)))
        is_valid = files.index(path) < split
        if bool(errors) == is_valid:
            failed = True
            print("%s: expected %s" % (path, "a valid layout" if is_valid else "an error"), *errors[:1], sep="\n")
    sys.exit(failed)


main()
