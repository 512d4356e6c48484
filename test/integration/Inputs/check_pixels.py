#!/usr/bin/env python3
"""Compares the logits of a model of make_pixel_model.py with the pixels of its images.

usage: check_pixels.py LOGITS.f32 IMAGES.npy           an array u8 [count, height, width, channels]
       check_pixels.py LOGITS.f32 IMAGES.bin gray      CIFAR-10's binary layout, for a model of one channel
       check_pixels.py LOGITS.f32 IMAGES.bin alpha     the same for a model of four channels
"""
import sys

import numpy as np

logits = np.fromfile(sys.argv[1], np.float32)
if sys.argv[2].endswith(".npy"):
    pixels = np.load(sys.argv[2])
else:
    records = np.fromfile(sys.argv[2], np.uint8).reshape(-1, 3073)
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).astype(int)
    if sys.argv[3] == "gray":  # as in Pillow's convert("L")
        pixels = (pixels @ np.array([19595, 38470, 7471]) + 0x8000) >> 16
    else:
        pixels = np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], axis=-1)
difference = np.abs(logits - pixels.reshape(-1) / 255).max()
assert difference < 1e-6, difference
print("logits are pixels")
