"""Checks the budget of low-rank factorisation: check_budget.py SHARE FILE...

At most SHARE of the weights of layers inside blocks remain. If the budget was allocated by spectra, the rest of it is
smaller than one rank of the largest layer.
"""
import re
import sys

LAYER = re.compile(r'vitya\.linear "([\w.]+)" .*?tensor<\d+x\d+xf32>, tensor<(\d+)x(\d+)xf32>')
INFO = re.compile(r'linear_info<"(blocks[\w.]+)", in = (\d+), out = (\d+)')
share = float(sys.argv[1])
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    layers = {name: int(i) * int(o) for name, i, o in INFO.findall(text)}
    step = max(int(i) + int(o) for _, i, o in INFO.findall(text))
    before = sum(layers.values())
    after = sum(int(o) * int(i) for name, o, i in LAYER.findall(text) if name.startswith("blocks."))
    assert layers and after <= share * before, f"{path}: {after} of {before} weights left"
    if "uniform" not in path:
        assert after > share * before - step, f"{path}: only {after} of {before} weights left, in steps of {step}"
