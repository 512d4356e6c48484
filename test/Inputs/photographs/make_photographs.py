#!/usr/bin/env python3
"""Writes 100 small pictures of odd sizes, 00.jpg ... 99.jpg, and what other programs make of them as the input of a model.

    make_photographs.py [DIR]          needs Pillow, torchvision, timm and transformers

The pictures have what photographs have: smooth shades, texture, edges and highlights. Each file NAME.bin has the pixels of
all of them after the preprocessing NAME, u8 [100, 11, 11, 3]:

    torchvision    Resize(12) and CenterCrop(11), bilinear
    timm           create_transform with crop_pct 0.73 in the mode 'center', bicubic: the shorter side becomes 15
    squash         create_transform with crop_pct 0.9 in the mode 'squash', bicubic: 12 x 12
    vit            ViTImageProcessorPil: 11 x 11, bilinear
    deit           DeiTImageProcessorPil: 14 x 12 and a crop, bicubic
    clip           CLIPImageProcessorPil: the shorter side becomes 14, and a crop, bicubic

logits.f32 has f32 [100, 5], the logits of linear_model.py for `timm`.
"""
import io
import os
import sys

import numpy as np
from PIL import Image
import torch
from torchvision import transforms
from timm.data import create_transform
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from linear_model import SIDE, WEIGHT

COUNT = 100


def photograph(index):
    random = np.random.default_rng(index)
    height, width = (int(side) for side in random.integers(SIDE, 130, 2) | 1)
    if (height, width) == (SIDE, SIDE):
        width += 2
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    pixels = np.zeros((height, width, 3))
    for octave in range(6):  # shades and texture, whose amplitude falls with the frequency as in photographs
        for _ in range(3):
            frequency = random.normal(size=2) * 3 * 2**octave
            wave = np.sin(frequency[0] * x + frequency[1] * y + random.uniform(0, 7))
            pixels += wave[..., None] * random.normal(1, 0.4, 3) * 40 / 2**octave
    for _ in range(4):  # things with edges
        centre, radius = random.uniform(0, 1, 2), random.uniform(0.03, 0.4)
        inside = (x - centre[0])**2 + (y - centre[1])**2 < radius**2
        pixels[inside] += random.normal(0, 70, 3)
    pixels += random.uniform(60, 200) + random.normal(0, 6, pixels.shape)
    file = io.BytesIO()
    Image.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8)).save(file, "JPEG", quality=80)
    return file.getvalue()


def processor(kind, **settings):
    def apply(picture):
        prepare = kind(do_rescale=False, do_normalize=False, **settings)
        return np.asarray(prepare(picture, return_tensors="np")["pixel_values"][0]).transpose(1, 2, 0)
    return apply


def timm_transform(**settings):
    composed = create_transform(SIDE, interpolation="bicubic", normalize=False, **settings)
    return lambda picture: composed(picture).permute(1, 2, 0).numpy()


TRANSFORMS = {
    "torchvision": transforms.Compose([transforms.Resize(12), transforms.CenterCrop(SIDE)]),
    "timm": timm_transform(crop_pct=0.73),
    "squash": timm_transform(crop_pct=0.9, crop_mode="squash"),
    "vit": processor(ViTImageProcessorPil, size={"height": SIDE, "width": SIDE}),
    "deit": processor(DeiTImageProcessorPil, size={"height": 14, "width": 12}, crop_size={"height": SIDE, "width": SIDE}),
    "clip": processor(CLIPImageProcessorPil, size={"shortest_edge": 14}, crop_size={"height": SIDE, "width": SIDE}),
}


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    os.makedirs(folder, exist_ok=True)
    pictures = []
    for index in range(COUNT):
        data = photograph(index)
        with open(os.path.join(folder, "%02d.jpg" % index), "wb") as file:
            file.write(data)
        pictures.append(Image.open(io.BytesIO(data)).convert("RGB"))
    for name, transform in TRANSFORMS.items():
        pixels = np.stack([np.asarray(transform(picture)) for picture in pictures])
        assert pixels.shape == (COUNT, SIDE, SIDE, 3) and pixels.dtype == np.uint8, (name, pixels.shape, pixels.dtype)
        pixels.tofile(os.path.join(folder, name + ".bin"))
        if name == "timm":
            inputs = torch.from_numpy(pixels).permute(0, 3, 1, 2).flatten(1).double() / 255
            logits = (inputs - 0.5) / 0.25 @ torch.tensor(WEIGHT, dtype=torch.double).T
            logits.float().numpy().tofile(os.path.join(folder, "logits.f32"))


if __name__ == "__main__":
    main()
