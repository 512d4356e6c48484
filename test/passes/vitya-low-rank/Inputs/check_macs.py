"""Checks a budget of multiply-adds: check_macs.py SHARE BEFORE AFTER

The layers inside blocks and their attention have at most SHARE of the multiply-adds of BEFORE in AFTER, and more than
0.9 of that.
"""
import re
import sys

LINEAR = re.compile(r'vitya\.linear "blocks[\w.]+" .*: tensor<(\d+)x\d+xf32>, tensor<(\d+)x(\d+)xf32>')
ATTENTION = re.compile(r'vitya\.attention .*: tensor<(\d+)x(\d+)xf32>, tensor<(\d+)x\d+xf32>, tensor<\d+x(\d+)xf32>')


def multiply_adds(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    linear = sum(int(rows) * int(out) * int(width) for rows, out, width in LINEAR.findall(text))
    attention = sum(int(queries) * int(keys) * (int(width) + int(values))
                    for queries, width, keys, values in ATTENTION.findall(text))
    assert linear and attention, path
    return linear + attention


share, before, after = float(sys.argv[1]), multiply_adds(sys.argv[2]), multiply_adds(sys.argv[3])
assert 0.9 * share * before < after <= share * before, f"{after} of {before} multiply-adds left"
