#!/usr/bin/env python3
"""Writes small Vision Transformers as torch.export writes them, with their logits.

usage: make_graphs.py FOLDER [NAME...]

For each model below it writes NAME.pt2 and NAME.f32, the logits of the images in images.npy; for families that a layout
describes too, also NAME.pth, the state dict. The models are written in as many ways as users write them. Requires PyTorch;
the files in graphs/ come from version 2.13. Paths of files in the graphs are shortened.
"""
import io
import math
import os
import re
import sys
import zipfile

import numpy
import torch
from torch import nn
from torch.nn import functional

SIDE, PATCH, WIDTH, HEADS, HIDDEN, CLASSES = 16, 8, 16, 2, 24, 5
MEAN, STD = (0.5, 0.25, 0.125), (0.25, 0.5, 1.0)
PATCHES = (SIDE // PATCH)**2
PIXELS = 3 * PATCH * PATCH

# ---------------------------------------------------------------------------------------------------------------------
# Models that layouts describe.
# ---------------------------------------------------------------------------------------------------------------------


class TimmAttention(nn.Module):

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        batch, tokens, width = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        x = functional.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 2).reshape(batch, tokens, width))


class TimmAttentionByHand(TimmAttention):

    def forward(self, x):
        batch, tokens, width = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        q = q * (width // HEADS)**-0.5
        attn = (q @ k.transpose(-2, -1)).softmax(dim=-1)
        return self.proj((attn @ v).transpose(1, 2).reshape(batch, tokens, width))


class TimmAttentionWithNorms(TimmAttention):
    """Norms of the queries and keys of each head."""

    def __init__(self):
        super().__init__()
        self.q_norm, self.k_norm = nn.LayerNorm(WIDTH // HEADS, eps=1e-6), nn.LayerNorm(WIDTH // HEADS, eps=1e-6)

    def forward(self, x):
        batch, tokens, width = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        x = functional.scaled_dot_product_attention(self.q_norm(q), self.k_norm(k), v)
        return self.proj(x.transpose(1, 2).reshape(batch, tokens, width))


class LayerScale(nn.Module):

    def __init__(self):
        super().__init__()
        self.gamma = nn.Parameter(torch.empty(WIDTH))

    def forward(self, x):
        return x * self.gamma


class Mlp(nn.Module):

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(WIDTH, HIDDEN)
        self.act = nn.GELU()
        self.drop1 = nn.Dropout(0.1)
        self.fc2 = nn.Linear(HIDDEN, WIDTH)

    def forward(self, x):
        return self.fc2(self.drop1(self.act(self.fc1(x))))


class TimmBlock(nn.Module):

    def __init__(self, attention, scaled):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, eps=1e-6)
        self.attn = attention()
        self.ls1 = LayerScale() if scaled else nn.Identity()
        self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6)
        self.mlp = Mlp()
        self.ls2 = LayerScale() if scaled else nn.Identity()

    def forward(self, x):
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))


class PatchEmbed(nn.Module):

    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, PATCH, PATCH)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class Timm(nn.Module):

    def __init__(self, attention=TimmAttention, scaled=False, depth=2):
        super().__init__()
        self.patch_embed = PatchEmbed()
        self.cls_token = nn.Parameter(torch.empty(1, 1, WIDTH))
        self.pos_embed = nn.Parameter(torch.empty(1, PATCHES + 1, WIDTH))
        self.blocks = nn.Sequential(*(TimmBlock(attention, scaled) for _ in range(depth)))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-6)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x):
        x = self.patch_embed(x)
        x = torch.cat((self.cls_token.expand(x.shape[0], -1, -1), x), dim=1)
        x = self.blocks(x + self.pos_embed)
        return self.head(self.norm(x)[:, 0])


class TorchvisionBlock(nn.Module):

    def __init__(self, need_weights=False):
        super().__init__()
        self.need_weights = need_weights
        self.ln_1 = nn.LayerNorm(WIDTH, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(WIDTH, HEADS, dropout=0.1, batch_first=True)
        self.dropout = nn.Dropout(0.1)
        self.ln_2 = nn.LayerNorm(WIDTH, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.GELU(), nn.Dropout(0.1), nn.Linear(HIDDEN, WIDTH))

    def forward(self, input):
        x = self.ln_1(input)
        x, _ = self.self_attention(x, x, x, need_weights=self.need_weights)
        x = self.dropout(x)
        x = x + input
        return x + self.mlp(self.ln_2(x))


class TorchvisionEncoder(nn.Module):

    def __init__(self, need_weights):
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.empty(1, PATCHES + 1, WIDTH))
        self.layers = nn.Sequential()
        self.layers.add_module("encoder_layer_0", TorchvisionBlock(need_weights))
        self.ln = nn.LayerNorm(WIDTH, eps=1e-6)

    def forward(self, input):
        return self.ln(self.layers(input + self.pos_embedding))


class Torchvision(nn.Module):

    def __init__(self, need_weights=False):
        super().__init__()
        self.conv_proj = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.class_token = nn.Parameter(torch.empty(1, 1, WIDTH))
        self.encoder = TorchvisionEncoder(need_weights)
        self.heads = nn.Sequential()
        self.heads.add_module("head", nn.Linear(WIDTH, CLASSES))

    def forward(self, x):
        n = x.shape[0]
        x = self.conv_proj(x).reshape(n, WIDTH, PATCHES).permute(0, 2, 1)
        x = torch.cat([self.class_token.expand(n, -1, -1), x], dim=1)
        return self.heads(self.encoder(x)[:, 0])


class ReferenceAttention(nn.Module):

    def __init__(self):
        super().__init__()
        self.Q, self.K, self.V, self.Out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def heads(self, x):
        return x.view(x.size(0), -1, HEADS, WIDTH // HEADS).transpose(1, 2)

    def forward(self, x):
        q, k, v = self.heads(self.Q(x)), self.heads(self.K(x)), self.heads(self.V(x))
        scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(WIDTH // HEADS)
        x = torch.matmul(functional.softmax(scores, dim=-1), v)
        return self.Out(x.transpose(1, 2).contiguous().view(x.size(0), -1, WIDTH))


class ReferenceBlock(nn.Module):

    def __init__(self):
        super().__init__()
        self.sa = ReferenceAttention()
        self.ffn = nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, WIDTH), nn.Dropout(0.1))
        self.ln1, self.ln2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)

    def forward(self, x):
        x = self.sa(x)
        x = x + self.ln1(x)
        return x + self.ln2(self.ffn(x))


class Cut(nn.Module):
    """[batch, channel, height, width] to patches of pixels in the order (row, column, channel)."""

    def forward(self, x):
        x = x.unfold(2, PATCH, PATCH).unfold(3, PATCH, PATCH)  # batch, channel, down, right, row, column
        return x.permute(0, 2, 3, 4, 5, 1).reshape(x.shape[0], PATCHES, PIXELS)


class Reference(nn.Module):

    def __init__(self):
        super().__init__()
        self.lp_src = nn.Sequential(Cut(), nn.LayerNorm(PIXELS), nn.Linear(PIXELS, WIDTH), nn.LayerNorm(WIDTH))
        self.cls = nn.Parameter(torch.empty(1, 1, WIDTH))
        self.pos = nn.Parameter(torch.empty(1, PATCHES + 1, WIDTH))
        self.blocks = nn.ModuleList([ReferenceBlock()])
        self.cl = nn.Linear(WIDTH, CLASSES)

    def forward(self, x):
        x = self.lp_src(x)
        x = torch.cat([self.cls.repeat(x.size(0), 1, 1), x], dim=1) + self.pos
        for block in self.blocks:
            x = block(x)
        return self.cl(x[:, 0])


# ---------------------------------------------------------------------------------------------------------------------
# Models that no layout describes.
# ---------------------------------------------------------------------------------------------------------------------


class Mixer(nn.Module):
    """Attention with heads that are outermost in the fused layer, no bias, and einsum."""

    def __init__(self):
        super().__init__()
        self.fused = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.join = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        b, n, _ = x.shape
        q, k, v = self.fused(x).reshape(b, n, HEADS, 3, WIDTH // HEADS).permute(3, 0, 2, 1, 4).chunk(3)
        q, k, v = q[0], k[0], v[0]
        weights = torch.einsum("bhid,bhjd->bhij", q, k).mul((WIDTH // HEADS)**-0.5).softmax(-1)
        return self.join(torch.einsum("bhij,bhjd->bihd", weights, v).flatten(2))


class OwnBlock(nn.Module):

    def __init__(self):
        super().__init__()
        self.mix, self.inner, self.outer = Mixer(), nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)
        self.before, self.between = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)

    def forward(self, x):
        x = x + self.mix(self.before(x))
        x += self.outer(functional.gelu(self.inner(self.between(x)), approximate="tanh"))
        return x


class Own(nn.Module):
    """Other names, patches of pixels in the order (column, channel, row), no class token, mean pooling."""

    def __init__(self):
        super().__init__()
        self.scan = nn.Linear(PIXELS, WIDTH)
        self.where = nn.Parameter(torch.empty(PATCHES, WIDTH))
        self.layers = nn.ModuleList([OwnBlock()])
        self.verdict = nn.Linear(WIDTH, CLASSES)

    def forward(self, image):
        side = SIDE // PATCH
        x = image.view(-1, 3, side, PATCH, side, PATCH).permute(0, 2, 4, 5, 1, 3).flatten(1, 2).flatten(2)
        x = self.scan(x) + self.where
        for layer in self.layers:
            x = layer(x)
        return self.verdict(x.mean(dim=1))


class Assigned(nn.Module):
    """Tokens assigned by index, positions added before the class token, nn.Unfold, quick GELU, chunks of columns."""

    def __init__(self):
        super().__init__()
        self.cut = nn.Unfold(PATCH, stride=PATCH)
        self.embed = nn.Linear(PIXELS, WIDTH)
        self.cls = nn.Parameter(torch.empty(WIDTH))
        self.pos = nn.Parameter(torch.empty(1, PATCHES, WIDTH))
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.up, self.down = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, CLASSES)

    def split(self, x):
        return x.unflatten(-1, (HEADS, -1)).transpose(1, 2)

    def forward(self, x):
        x = self.embed(self.cut(x).transpose(1, 2)) + self.pos
        tokens = torch.zeros(x.shape[0], x.shape[1] + 1, WIDTH)
        tokens[:, 0] = self.cls
        tokens[:, 1:] = x
        q, k, v = map(self.split, self.qkv(tokens).chunk(3, dim=-1))
        x = tokens + functional.scaled_dot_product_attention(q, k, v, scale=0.5).transpose(1, 2).flatten(2)
        hidden = self.up(x)
        x = x + self.down(hidden * torch.sigmoid(1.702 * hidden))
        return self.head(self.norm(x[:, 0]))


class Encoder(nn.Module):
    """nn.TransformerEncoder, a convolution whose tokens stay in the grid, and the mean of all tokens but the first."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, WIDTH, PATCH, PATCH, bias=False)
        self.extra = nn.Parameter(torch.empty(1, 1, WIDTH))
        self.grid = nn.Parameter(torch.empty(1, WIDTH, SIDE // PATCH, SIDE // PATCH))
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CLASSES))

    def forward(self, x):
        x = (self.stem(x) + self.grid).flatten(2).permute(0, 2, 1)
        x = torch.cat([self.extra.expand(x.shape[0], 1, WIDTH), x], 1)
        return self.head(self.encoder(x)[:, 1:].mean(1))


class HandGelu(nn.Module):

    def forward(self, x):
        return x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))


class Mixed(Timm):
    """Preprocessing in the model, numbered positions, GELU by hand, attention by a probe, the average of two heads."""

    def __init__(self):
        super().__init__(depth=1)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))
        self.register_buffer("numbers", torch.arange(PATCHES).flip(0).expand((1, -1)), persistent=False)
        self.places = nn.Embedding(PATCHES, WIDTH)
        self.probe = nn.Parameter(torch.empty(1, 1, WIDTH))
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.second = nn.Linear(WIDTH, CLASSES)
        self.blocks[0].mlp.act = HandGelu()
        del self.pos_embed

    def forward(self, x):
        x = self.patch_embed((x - self.mean) / self.std) + self.places(self.numbers)
        first = self.cls_token.expand(x.shape[0], -1, -1)
        x = self.norm(self.blocks(torch.cat([first, x.to(torch.float32)], dim=1)))
        pooled = self.attention(self.probe.repeat(x.shape[0], 1, 1), x, x)[0]
        return (self.head(pooled[:, 0]) + self.second(x[:, 0])) / 2


class Centered(nn.Module):
    """Preprocessing in the model by numbers, and the mean of patches."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x):
        x = self.embed((2 * x - 1.5) / 0.5 + 0.25)
        return self.head(x.flatten(2).mean(dim=2))


class Gate(nn.Module):
    """SwiGLU."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.both = nn.Linear(WIDTH, 2 * HIDDEN)
        self.down = nn.Linear(HIDDEN, WIDTH)

    def forward(self, x):
        gate, value = self.both(self.norm(x)).chunk(2, dim=-1)
        return x + self.down(functional.silu(gate) * value)


class Stem(nn.Module):
    """Convolutions with strides and padding, batch norms, ReLU and max pooling before the tokens."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6), nn.ReLU(inplace=True),
                                  nn.Conv2d(6, 8, (3, 1), padding=(1, 0), bias=False), nn.BatchNorm2d(8, eps=1e-3),
                                  nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(8, WIDTH, 1))
        self.positions = nn.Parameter(torch.empty(1, 16, WIDTH))
        self.blocks = nn.Sequential(TimmBlock(TimmAttention, False), Gate())
        self.head = nn.Linear(WIDTH, CLASSES)
        with torch.no_grad():
            for norm in (self.stem[1], self.stem[4]):
                norm.running_mean.uniform_(-0.5, 0.5)
                norm.running_var.uniform_(0.5, 1.5)

    def forward(self, x):
        x = self.stem(x).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.blocks(x).mean(dim=1))


class Computed(nn.Module):
    """Positions computed from numbers, masks that mask nothing, an empty class token, mean pooling, assigned constants."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(PIXELS, WIDTH)
        self.cls = nn.Parameter(torch.empty(0, WIDTH))
        self.rows = nn.Embedding(PATCHES, WIDTH)
        self.norm, self.qkv = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3 * WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x):
        side = SIDE // PATCH
        x = x.reshape(-1, 3, side, PATCH, side, PATCH).permute(0, 2, 4, 3, 5, 1).reshape(-1, PATCHES, PIXELS)
        y, z = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
        omega = 1.0 / (10000**(torch.arange(WIDTH // 4) / (WIDTH // 4 - 1)))
        y, z = y.flatten()[:, None] * omega[None, :], z.flatten()[:, None] * omega[None, :]
        x = self.embed(x) + torch.cat((z.sin(), z.cos(), y.sin(), y.cos()), dim=1).type(torch.float32)
        numbers = (torch.arange(PATCHES).unsqueeze(0) * 3 + 1) % PATCHES
        x = x + self.rows(numbers)
        x = torch.cat((self.cls.unsqueeze(0).expand(x.shape[0], -1, -1), x), dim=1)
        q, k, v = self.qkv(self.norm(x)).reshape(-1, PATCHES, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        mask = torch.ones(PATCHES, PATCHES, dtype=torch.bool)
        x = x + functional.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)
        added = torch.zeros(PATCHES, PATCHES)
        added[0] = 0.0
        added = added.masked_fill(~mask, float("-inf"))
        x = x + self.attention(x, x, x, attn_mask=added, need_weights=False)[0]
        scores = (q @ k.transpose(-2, -1)).masked_fill(~mask, float("-inf")).softmax(dim=-1)
        return self.head((x + (scores @ v).transpose(1, 2).flatten(2)).mean(dim=1))


class Interpolated(nn.Module):
    """Positions of other grids, interpolated as DINOv2, timm and MAE do, nn.Unfold, and sequence pooling as in CCT."""

    def __init__(self):
        super().__init__()
        self.cut = nn.Unfold(4, stride=4)
        self.embed = nn.Linear(48, WIDTH)
        self.cls = nn.Parameter(torch.empty(1, 1, WIDTH))
        self.pos = nn.Parameter(torch.empty(1, 10, WIDTH))
        self.grid = nn.Parameter(torch.empty(1, WIDTH, 7, 5))
        self.block = TimmBlock(TimmAttention, False)
        self.pool, self.head = nn.Linear(WIDTH, 1), nn.Linear(WIDTH, CLASSES)

    def resize(self, grid, **options):
        return functional.interpolate(grid, **options).permute(0, 2, 3, 1).view(1, -1, WIDTH)

    def forward(self, x):
        x = self.embed(self.cut(x).transpose(1, 2))
        patches = self.pos[:, 1:].reshape(1, 3, 3, WIDTH).permute(0, 3, 1, 2)
        scale = (4 + 0.1) / 3
        patches = self.resize(patches, scale_factor=(scale, scale), mode="bicubic", antialias=False)
        x = torch.cat((self.cls.expand(x.shape[0], -1, -1), x + self.resize(self.grid, size=(4, 4), mode="bicubic", antialias=True)), dim=1)
        x = x + torch.cat((self.pos[:, :1], patches), dim=1)
        x = self.block(x)
        return self.head((functional.softmax(self.pool(x), dim=1).transpose(-1, -2) @ x).squeeze(-2))


class Resized(Interpolated):
    """Bilinear interpolation and no class token."""

    def forward(self, x):
        x = self.embed(self.cut(x).transpose(1, 2))
        x = x + self.resize(self.grid, size=(4, 4), mode="bilinear", align_corners=False)
        x = x + self.resize(self.grid[:, :, :3], size=(4, 4), mode="bicubic", align_corners=True)
        x = x + self.resize(self.grid, size=(4, 4), mode="bilinear", align_corners=False, antialias=True)
        return self.head((self.pool(self.block(x)).softmax(1) * x).sum(dim=1))


class HandRms(nn.Module):
    """RMSNorm in steps, as language models write it."""

    def __init__(self, width, divides):
        super().__init__()
        self.weight, self.divides = nn.Parameter(torch.empty(width)), divides

    def forward(self, x):
        x = x.float()
        if self.divides:
            return x / torch.sqrt((x * x).mean(dim=-1, keepdim=True) + 1e-6) * self.weight
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)).to(torch.float32)


class RmsAttention(TimmAttentionWithNorms):

    def __init__(self):
        super().__init__()
        self.q_norm, self.k_norm = nn.RMSNorm(WIDTH // HEADS, eps=1e-6), HandRms(WIDTH // HEADS, False)


class Rms(Timm):
    """RMSNorm as a module and in steps, also of heads and without a weight."""

    def __init__(self):
        super().__init__(RmsAttention, depth=1)
        self.blocks[0].norm1, self.blocks[0].norm2 = nn.RMSNorm(WIDTH, eps=1e-6), HandRms(WIDTH, True)
        self.norm = nn.RMSNorm(WIDTH, eps=1e-6)


class Strided(Timm):
    """Patches as strides of memory, and a norm by the length of a vector."""

    def __init__(self):
        super().__init__(depth=1)
        self.norm = nn.Identity()

    def forward(self, x):
        side = SIDE // PATCH
        x = x[:1].contiguous().as_strided((side, side, PATCH, PATCH, 3), (PATCH * SIDE, PATCH, SIDE, 1, SIDE * SIDE))
        weight = self.patch_embed.proj.weight.permute(0, 2, 3, 1).flatten(1)
        x = functional.linear(x.reshape(1, PATCHES, PIXELS), weight, self.patch_embed.proj.bias)
        x = self.blocks(torch.cat((self.cls_token, x), dim=1) + self.pos_embed)
        return self.head(functional.normalize(x, dim=-1)[:, 0] * math.sqrt(WIDTH))


def rotate_half(x):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)


def rotate_pairs(x):
    return torch.stack([-x[..., 1::2], x[..., ::2]], -1).reshape(x.shape)


class HalvesAttention(nn.Module):
    """Rotates the patches of queries and keys, as DINOv3 of transformers does."""

    def __init__(self):
        super().__init__()
        self.q_proj, self.v_proj, self.proj = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.k_proj = nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x, cos, sin):
        batch, tokens, width = x.shape
        q, k, v = (layer(x).view(batch, tokens, -1, width // HEADS).transpose(1, 2)
                   for layer in (self.q_proj, self.k_proj, self.v_proj))
        rotated = []
        for part in (q, k):
            special, patches = part.split((tokens - cos.shape[-2], cos.shape[-2]), dim=-2)
            rotated.append(torch.cat((special, patches * cos + rotate_half(patches) * sin), dim=-2))
        x = functional.scaled_dot_product_attention(*rotated, v)
        return self.proj(x.transpose(1, 2).reshape(batch, tokens, width))


class PairsAttention(TimmAttention):
    """Rotates neighbouring columns by the angles of each head, as EVA-02 and RoPE-ViT of timm do."""

    def heads(self, q, k):
        return q, k

    def forward(self, x, cos, sin):
        batch, tokens, width = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        q, k = (torch.cat([part[:, :, :1], part[:, :, 1:] * cos + rotate_pairs(part[:, :, 1:]) * sin], dim=2).type_as(v)
                for part in self.heads(q, k))
        x = functional.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 2).reshape(batch, tokens, width))


class PairsAttentionWithNorms(PairsAttention):

    def __init__(self):
        super().__init__()
        self.q_norm, self.k_norm = nn.LayerNorm(WIDTH // HEADS, eps=1e-6), nn.LayerNorm(WIDTH // HEADS, eps=1e-6)

    def heads(self, q, k):
        return self.q_norm(q), self.k_norm(k)


class Rotary(nn.Module):
    """Rotary position embeddings: the angles of all heads from coordinates, or those of each head from weights."""

    def __init__(self, attention):
        super().__init__()
        self.areHalves = attention is HalvesAttention
        self.patch_embed = PatchEmbed()
        self.cls_token = nn.Parameter(torch.empty(1, 1, WIDTH))
        self.norm1, self.norm = (nn.LayerNorm(WIDTH, eps=1e-6) for _ in range(2))
        self.attn = attention()
        self.freqs = nn.Parameter(torch.empty(2, HEADS, WIDTH // HEADS // 2)) if not self.areHalves else None
        self.head = nn.Linear(WIDTH, CLASSES)

    def angles(self):
        side = SIDE // PATCH
        if self.areHalves:
            coordinates = torch.arange(0.5, side) / side
            grid = torch.stack(torch.meshgrid(coordinates, coordinates, indexing="ij"), dim=-1).flatten(0, 1) * 2 - 1
            periods = 100**torch.arange(0, 1, 4 * HEADS / WIDTH)
            return (2 * math.pi * grid[:, :, None] / periods).flatten(1, 2).tile(2)
        rows, columns = (torch.arange(side * side) // side).float(), torch.arange(side * side).float() % side
        angles = rows[:, None, None] * self.freqs[0] + columns[:, None, None] * self.freqs[1]
        return angles.transpose(0, 1).repeat_interleave(2, dim=-1)

    def forward(self, x):
        angles = self.angles()
        x = torch.cat((self.cls_token.expand(x.shape[0], -1, -1), self.patch_embed(x)), dim=1)
        x = x + self.attn(self.norm1(x), angles.cos(), angles.sin())
        return self.head(self.norm(x)[:, 0])


class Biased(nn.Module):
    """Relative position biases and masks, both added by the attention operator and by hand. The class token has no bias."""

    def __init__(self, in_place=False):
        super().__init__()
        self.in_place = in_place
        self.patch_embed = PatchEmbed()
        self.cls_token = nn.Parameter(torch.empty(1, 1, WIDTH))
        self.norm = nn.LayerNorm(WIDTH)
        self.relative_position_bias_table = nn.Parameter(torch.empty(12, HEADS))
        self.register_buffer("relative_position_index", (torch.arange(PATCHES)[:, None] * 7 + torch.arange(PATCHES)) % 12)
        self.qkv = nn.ModuleList(nn.Linear(WIDTH, 3 * WIDTH) for _ in range(4))
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x):
        x = torch.cat((self.cls_token.expand(x.shape[0], -1, -1), self.patch_embed(x)), dim=1)
        tokens = PATCHES + 1
        index = self.relative_position_index
        if self.in_place:
            index = index % 10
            index[:, 1] += 2
        bias = self.relative_position_bias_table[index.reshape(-1)].view(PATCHES, PATCHES, -1)
        bias = functional.pad(bias.permute(2, 0, 1).contiguous().unsqueeze(0), [1, 0, 1, 0])
        mask = torch.arange(tokens)[:, None] - torch.arange(tokens) < 3
        for index, qkv in enumerate(self.qkv):
            q, k, v = qkv(self.norm(x)).reshape(-1, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
            if index == 0:
                y = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
            elif index == 1:
                y = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            elif index == 2:
                y = (bias + (q * 0.25) @ k.transpose(-2, -1)).softmax(dim=-1) @ v
            else:
                scores = (q @ k.transpose(-2, -1) + bias) * 0.5 + 2 * bias
                y = scores.masked_fill(~mask, float("-inf")).softmax(dim=-1) @ v
            x = x + y.transpose(1, 2).flatten(2)
        return self.head(x[:, 0])


# ---------------------------------------------------------------------------------------------------------------------
# Files.
# ---------------------------------------------------------------------------------------------------------------------

# The form of an exported file: of torch.export.save, after decomposition to core ATen ops, with any number of images, or as
# versions up to 2.7 wrote it.
MODELS = {
    "timm": (Timm, "plain"),
    "timm-by-hand": (lambda: Timm(TimmAttentionByHand), "batch"),
    "timm-norms": (lambda: Timm(TimmAttentionWithNorms, depth=1), "plain"),
    "timm-scaled": (lambda: Timm(scaled=True, depth=1), "core"),
    "torchvision": (Torchvision, "plain"),
    "torchvision-weights": (lambda: Torchvision(need_weights=True), "batch"),
    "reference": (Reference, "old"),
    "own": (Own, "plain"),
    "assigned": (Assigned, "plain"),
    "encoder": (Encoder, "plain"),
    "mixed": (Mixed, "batch"),
    "centered": (Centered, "plain"),
    "stem": (Stem, "plain"),
    "stem-core": (Stem, "core"),
    "computed": (Computed, "batch"),
    "computed-core": (Computed, "core"),
    "interpolated": (Interpolated, "plain"),
    "interpolated-core": (Interpolated, "core"),
    "resized": (Resized, "plain"),
    "rms": (Rms, "plain"),
    "rms-core": (Rms, "core"),
    "strided": (Strided, "plain"),
    "rotary": (lambda: Rotary(HalvesAttention), "plain"),
    "rotary-core": (lambda: Rotary(HalvesAttention), "core"),
    "rotary-pairs": (lambda: Rotary(PairsAttention), "plain"),
    "rotary-norms": (lambda: Rotary(PairsAttentionWithNorms), "core"),
    "biased": (Biased, "plain"),
    "biased-core": (lambda: Biased(in_place=True), "core"),
}
WITH_LAYOUT = {"timm", "timm-norms", "timm-scaled", "torchvision", "reference", "rms"}


def initialise(model):
    """Values that are not trivial, so that nothing can be left out or swapped."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = parameter.shape[-1]**-0.5 if parameter.dim() > 1 else 0.3
            parameter.normal_(0, scale)
            if re.search(r"(norm|ln).*weight|gamma|before.weight|between.weight", name):
                parameter.add_(1)


def shorten(text):
    """Leaves "torch/..." of the paths of PyTorch's files, and the names of other files."""
    return re.sub(rb'File \\"[^"]*?(torch/[^"]*|[^"/]*)\\"', rb'File \\"\1\\"', text)


def save(program, path, form):
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    with zipfile.ZipFile(buffer) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    root = next(iter(files)).split("/")[0]
    graph = shorten(files[f"{root}/models/model.json"])
    if form == "old":
        from torch._export.serde.schema import SCHEMA_VERSION
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("version", ".".join(map(str, SCHEMA_VERSION)))
            archive.writestr("serialized_exported_program.json", graph)
            for name, value in (("state_dict", program.state_dict), ("constants", program.constants)):
                pickled = io.BytesIO()
                torch.save(value, pickled)
                archive.writestr(f"serialized_{name}.pt", pickled.getvalue())
        return
    writer = torch._C.PyTorchFileWriter(path)
    for name, data in files.items():
        name = name.split("/", 1)[1]
        if name not in ("version", ".data/serialization_id", "byteorder") and "sample_inputs" not in name:
            data = graph if name == "models/model.json" else data
            writer.write_record(name, data, len(data))
    writer.write_end_of_file()


def main(folder, names):
    images = numpy.random.default_rng(1).integers(0, 256, (4, SIDE, SIDE, 3), dtype=numpy.uint8)
    numpy.save(os.path.join(folder, "images.npy"), images)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 255.0
    normalized = (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    for name in names or MODELS:
        torch.manual_seed(1)
        make, form = MODELS[name]
        inputs = pixels if make in (Mixed, Centered) else normalized
        model = make().eval()
        initialise(model)
        batch = {0: torch.export.Dim("batch", min=1, max=64)}
        with torch.no_grad():
            program = torch.export.export(model, (inputs[:2 if form == "batch" else 1],),
                                          dynamic_shapes=(batch,) if form == "batch" else None)
            logits = torch.cat([model(image) for image in inputs.split(1)])
        if form == "core":
            program = program.run_decompositions()
        path = os.path.join(folder, name)
        save(program, path + ".pt2", form)
        logits.numpy().astype("<f4").tofile(path + ".f32")
        if name in WITH_LAYOUT:
            torch.save(model.state_dict(), path + ".pth")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
