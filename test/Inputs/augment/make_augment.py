#!/usr/bin/env python3
"""Writes expected.txt: what torchvision makes of images with the operations of TrivialAugment and RandAugment.

A line "magnitudes POLICY OPERATION HEIGHT WIDTH VALUE..." has the magnitude of each level. A line "pixels IMAGE POLICY
OPERATION CHECKSUM..." has for each level the CRC-32 of the resulting planes, u8 [channels, height, width]; if the
policy also negates magnitudes, the checksum continues with the planes of the negated one. IMAGE is a picture of
../pictures or the number of a record of tools/demo/test-1000.bin.

usage: make_augment.py > expected.txt     (in this folder, with torchvision 0.28 and Pillow 12.3)
"""
import pathlib
import zlib

import numpy as np
from PIL import Image
from torchvision.transforms import InterpolationMode, RandAugment, TrivialAugmentWide, autoaugment

ROOT = pathlib.Path(__file__).resolve().parents[3]
IMAGES = "0", "1", "rgb.png", "gray.png", "bit.png"
LEVELS = 31


def load(name):
    if not name.isdigit():
        image = Image.open(ROOT / "test/Inputs/pictures" / name)
        return image if image.mode == "L" else image.convert("RGB")
    records = np.fromfile(ROOT / "tools/demo/test-1000.bin", np.uint8).reshape(-1, 3073)
    return Image.fromarray(records[int(name), 1:].reshape(3, 32, 32).transpose(1, 2, 0).copy())


def space(policy, height, width):
    if policy == "trivial":
        return TrivialAugmentWide()._augmentation_space(LEVELS)
    return RandAugment()._augmentation_space(LEVELS, (height, width))


def values(magnitudes):
    return [float(value) for value in magnitudes] if magnitudes.ndim else [0.0]


def checksum(image, operation, magnitude, is_signed):
    checksum = 0
    for factor in (1.0, -1.0) if is_signed else (1.0,):
        result = autoaugment._apply_op(image, operation, factor * magnitude, InterpolationMode.NEAREST, None)
        planes = np.asarray(result)
        planes = planes[None] if planes.ndim == 2 else planes.transpose(2, 0, 1)
        checksum = zlib.crc32(np.ascontiguousarray(planes).tobytes(), checksum)
    return f"{checksum:08x}"


for policy in "trivial", "rand":
    for height, width in (32, 32), (19, 27):
        for operation, (magnitudes, _) in space(policy, height, width).items():
            print("magnitudes", policy, operation, height, width, *map(repr, values(magnitudes)))
    for name in IMAGES:
        image = load(name)
        for operation, (magnitudes, is_signed) in space(policy, image.height, image.width).items():
            print("pixels", name, policy, operation, *(checksum(image, operation, m, is_signed) for m in values(magnitudes)))
