#!/usr/bin/env python3
"""Computes the logits of a checkpoint in PyTorch, to compare them with those of the compiled model.

usage: pytorch.py MODEL IMAGES --logits=FILE [--count=N] [--batch=N] [--quantize=FILE [--per-channel]]

MODEL is a checkpoint with timm's names and architecture (pre-norm, fused qkv, class token, learned positions, final norm)
and settings under "vitya", such as the one in tools/demo; a layer may be a pair of factors, NAME.right and NAME.left. IMAGES
is a file of CIFAR-10 records. --quantize applies PyTorch's quantize_dynamic, writes the result as a checkpoint with the
same settings, and runs it. --batch is then 1, because all images of a batch would share the range of each activation.
Requires PyTorch.
"""
import argparse
import math
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


def factorise(model, state):
    """Replaces the layers that have factors in `state` by pairs of linear layers."""
    for name in [name[:-len(".right.weight")] for name in state if name.endswith(".right.weight")]:
        parent, _, child = name.rpartition(".")
        rank, columns = state[name + ".right.weight"].shape
        pair = nn.Sequential()
        pair.add_module("right", nn.Linear(columns, rank, bias=False))
        pair.add_module("left", nn.Linear(rank, len(state[name + ".left.weight"])))
        setattr(model.get_submodule(parent), child, pair)


class Vit(nn.Module):

    def __init__(self, state, settings):
        super().__init__()
        # If the patch embedding is stored as a matrix, its columns are ordered by channel, row and column.
        width = len(state["patch_embed.proj.weight"])
        patch = math.isqrt(state["patch_embed.proj.weight"].numel() // width // 3)
        state["patch_embed.proj.weight"] = state["patch_embed.proj.weight"].reshape(width, 3, patch, patch)
        depth = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))
        fc1 = "blocks.0.mlp.fc1.left.weight" if "blocks.0.mlp.fc1.left.weight" in state else "blocks.0.mlp.fc1.weight"
        hidden, eps = len(state[fc1]), settings.get("eps", 1e-6)
        self.cls_token = nn.Parameter(state["cls_token"])
        self.pos_embed = nn.Parameter(state["pos_embed"])
        self.patch_embed = PatchEmbedding(width, patch)
        self.blocks = nn.Sequential(*(Block(width, settings["heads"], hidden, eps) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps)
        self.head = nn.Linear(width, state["head.weight"].shape[0])
        factorise(self, state)
        self.load_state_dict(state)

    def forward(self, x):
        x = self.patch_embed(x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("images")
    parser.add_argument("--logits", required=True)
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--quantize")
    parser.add_argument("--per-channel", action="store_true")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")

    content = torch.load(options.model, weights_only=True)
    settings = content["vitya"]
    model = Vit(content["state_dict"], settings).eval()
    batch = options.batch
    if options.quantize:
        batch = 1
        layers = {nn.Linear: per_channel_dynamic_qconfig} if options.per_channel else {nn.Linear}
        model = quantize_dynamic(model, layers, dtype=torch.qint8)
        torch.save({"state_dict": model.state_dict(), "vitya": settings}, options.quantize)

    with open(options.images, "rb") as file:
        data = file.read(options.count * RECORD)
    records = torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(-1, RECORD)[:, 1:].reshape(-1, 3, 32, 32)
    mean, std = (torch.tensor(settings[name]).reshape(3, 1, 1) for name in ("mean", "std"))
    with torch.inference_mode(), open(options.logits, "wb") as file:
        for images in records.split(batch):
            file.write(model((images / 255 - mean) / std).numpy().tobytes())


if __name__ == "__main__":
    main()
