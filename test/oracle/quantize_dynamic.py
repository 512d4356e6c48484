#!/usr/bin/env python3
"""Quantize a ViT with PyTorch's own quantize_dynamic, for comparison with what its checkpoint becomes here.

usage: quantize_dynamic.py MODEL IMAGES --checkpoint=FILE --logits=FILE [--count=N] [--per-channel]

MODEL is a checkpoint of timm's names and wiring (pre-norm, fused qkv, class token, learned positions, final norm) with
settings under "vitya", such as the one in tools/demo; IMAGES are CIFAR-10 records. Writes the quantized state dict as a
checkpoint with the same settings, and PyTorch's f32 logits for the first N images, one image at a time as activations
share a range over all that goes through a layer together. Needs PyTorch.
"""
import argparse
import warnings

import torch
from torch import nn
from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic

RECORD = 3073  # bytes: the class, then 3 * 32 * 32 pixels


class Attention(nn.Module):

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.proj(mixed.transpose(1, 2).reshape(batch, tokens, width))


class Mlp(nn.Module):

    def __init__(self, width, hidden):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(nn.functional.gelu(self.fc1(x)))


class Block(nn.Module):

    def __init__(self, width, heads, hidden, eps):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps)
        self.mlp = Mlp(width, hidden)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbedding(nn.Module):

    def __init__(self, width, patch):
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class Vit(nn.Module):

    def __init__(self, state, settings):
        super().__init__()
        width, _, patch, _ = state["patch_embed.proj.weight"].shape
        depth = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))
        hidden, eps = state["blocks.0.mlp.fc1.weight"].shape[0], settings.get("eps", 1e-6)
        self.cls_token = nn.Parameter(state["cls_token"])
        self.pos_embed = nn.Parameter(state["pos_embed"])
        self.patch_embed = PatchEmbedding(width, patch)
        self.blocks = nn.Sequential(*(Block(width, settings["heads"], hidden, eps) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps)
        self.head = nn.Linear(width, state["head.weight"].shape[0])
        self.load_state_dict(state)

    def forward(self, x):
        x = self.patch_embed(x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("images")
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--logits", required=True)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--per-channel", action="store_true")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")

    content = torch.load(options.model, weights_only=True)
    settings = content["vitya"]
    layers = {nn.Linear: per_channel_dynamic_qconfig} if options.per_channel else {nn.Linear}
    model = quantize_dynamic(Vit(content["state_dict"], settings).eval(), layers, dtype=torch.qint8)
    torch.save({"state_dict": model.state_dict(), "vitya": settings}, options.checkpoint)

    with open(options.images, "rb") as file:
        data = file.read(options.count * RECORD)
    records = torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(-1, RECORD)[:, 1:].reshape(-1, 3, 32, 32)
    mean, std = (torch.tensor(settings[name]).reshape(3, 1, 1) for name in ("mean", "std"))
    with torch.inference_mode(), open(options.logits, "wb") as file:
        for image in records:
            file.write(model((image / 255 - mean)[None] / std).numpy().tobytes())


if __name__ == "__main__":
    main()
