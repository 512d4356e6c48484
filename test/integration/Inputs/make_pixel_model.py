#!/usr/bin/env python3
"""Writes the IR of a model whose logits are the pixels of its image, in the order [height, width, channel].

usage: make_pixel_model.py CHANNELS HEIGHT WIDTH
"""
import sys

channels, height, width = map(int, sys.argv[1:])
count = channels * height * width
rows = ", ".join("[" + ", ".join("1.0" if i == j else "0.0" for j in range(count)) + "]" for i in range(count))
classes = ", ".join(f'"{i}"' for i in range(count))
print(f"""module attributes {{vitya.model = #vitya.model<name = "pixels", image = [{channels}, {height}, {width}],
                                              classes = [{classes}]>}} {{
  func.func @main(%image: tensor<{channels}x{height}x{width}xf32>) -> tensor<1x{count}xf32> {{
    %weight = arith.constant dense<[{rows}]> : tensor<{count}x{count}xf32>
    %pixels = vitya.patchify %image [{height}, {width}] row_column_channel : tensor<{channels}x{height}x{width}xf32> -> tensor<1x{count}xf32>
    %logits = vitya.linear "head" %pixels, %weight : tensor<1x{count}xf32>, tensor<{count}x{count}xf32> -> tensor<1x{count}xf32>
    return %logits : tensor<1x{count}xf32>
  }}
}}""")
