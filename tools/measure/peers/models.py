"""Writes the models of compare-peers: `models.py FOLDER CHECKPOINT IMAGES CALIBRATION`.

CHECKPOINT is a plain ViT of timm's shapes. IMAGES, whose logits are compared, and CALIBRATION are in CIFAR-10's binary layout. For
each model NAME of MODELS this writes

* NAME.pth, the checkpoint that this compiler and PyTorch read;
* NAME.onnx, with a symbolic batch;
* NAME.images.npy and NAME.calibration.npy, u8 [count, height, width, 3], and NAME.images.labels.npy;
* NAME.json, what `Model` holds.
"""
import dataclasses
import json
import math
import pathlib
import sys

import numpy as np

RECORD_BYTES = 3073


@dataclasses.dataclass
class Model:
    """What peers need to know of a model. Pixels are normalized as (pixel / 255 - mean) / std."""
    name: str
    image: int  # height and width of images
    batches: tuple  # batches that are timed, the largest one last
    mean: tuple
    std: tuple
    images: int  # number of images whose logits are compared
    calibration: int  # number of images for calibration
    trained: bool  # whether accuracy means anything
    settings: dict = dataclasses.field(default_factory=dict)  # of vitya-compile --set

    def normalize(self, pixels):
        """u8 [count, height, width, 3] to f32 [count, 3, height, width]."""
        x = pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255
        mean, std = (np.array(values, np.float32).reshape(1, 3, 1, 1) for values in (self.mean, self.std))
        return np.ascontiguousarray((x - mean) / std, dtype=np.float32)

    def save(self, folder):
        (folder / f"{self.name}.json").write_text(json.dumps(dataclasses.asdict(self)))

    @staticmethod
    def load(folder, name):
        return Model(**json.loads((pathlib.Path(folder) / f"{name}.json").read_text()))


HALF = (0.5, 0.5, 0.5)
MODELS = {
    "shipped": Model("shipped", 32, (1, 32), (0.4913, 0.4821, 0.4466), (0.2452, 0.2427, 0.2605), 2000, 256, True),
    "reference": Model("reference", 224, (1, 32), HALF, HALF, 32, 16, False,
                       {"mean": "0.5,0.5,0.5", "std": "0.5,0.5,0.5", "heads": "8"}),
    "vit-b": Model("vit-b", 224, (1, 8), HALF, HALF, 32, 16, False,
                   {"mean": "0.5,0.5,0.5", "std": "0.5,0.5,0.5", "heads": "12"}),
}


def build_vit(image, patch, width, depth, heads, classes):
    """A ViT with timm's names of tensors."""
    import torch
    from torch import nn

    class Attention(nn.Module):

        def __init__(self):
            super().__init__()
            self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

        def forward(self, x):
            qkv = self.qkv(x).reshape(x.shape[0], -1, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
            x = nn.functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2])
            return self.proj(x.transpose(1, 2).flatten(2))

    class Mlp(nn.Module):

        def __init__(self):
            super().__init__()
            self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x):
            return self.fc2(nn.functional.gelu(self.fc1(x)))

    class Block(nn.Module):

        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
            self.attn, self.mlp = Attention(), Mlp()

        def forward(self, x):
            x = x + self.attn(self.norm1(x))
            return x + self.mlp(self.norm2(x))

    class Vit(nn.Module):

        def __init__(self):
            super().__init__()
            self.patch_embed = nn.Module()
            self.patch_embed.proj = nn.Conv2d(3, width, patch, patch)
            self.cls_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
            self.pos_embed = nn.Parameter(torch.randn(1, (image // patch)**2 + 1, width) * 0.02)
            self.blocks = nn.ModuleList([Block() for _ in range(depth)])
            self.norm, self.head = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, classes)

        def forward(self, x):
            x = self.patch_embed.proj(x).flatten(2).transpose(1, 2)
            x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], 1) + self.pos_embed
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x)[:, 0])

    return Vit()


def read_state(checkpoint):
    """The state dict of a checkpoint, as f32."""
    import torch
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")
    return {key: value.float() for key, value in state.get("state_dict", state).items() if torch.is_tensor(value)}


def build_shipped(checkpoint):
    state = read_state(checkpoint)
    width, _, patch, _ = state["patch_embed.proj.weight"].shape
    depth = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("blocks."))
    return build_vit(MODELS["shipped"].image, patch, width, depth, width // 64, len(state["head.bias"]))


def build_vit_b(_):
    return build_vit(MODELS["vit-b"].image, 16, 768, 12, 12, 1000)


def build_reference(_, width=512, heads=8, hidden=2048, depth=10, patch=16, classes=10):
    """The wiring of the reference project at full size: attention without residual, norms after."""
    import torch
    from torch import nn

    class Attention(nn.Module):

        def __init__(self):
            super().__init__()
            self.Q, self.K, self.V, self.Out = (nn.Linear(width, width) for _ in range(4))

        def forward(self, x):
            q, k, v = (layer(x).reshape(x.shape[0], -1, heads, width // heads).transpose(1, 2)
                       for layer in (self.Q, self.K, self.V))
            return self.Out(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))

    class Block(nn.Module):

        def __init__(self):
            super().__init__()
            self.sa = Attention()
            self.ffn = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
            self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)

        def forward(self, x):
            x = self.sa(x)
            x = x + self.ln1(x)
            return x + self.ln2(self.ffn(x))

    class Cut(nn.Module):
        """Images to patches of pixels in the order (row, column, channel)."""

        def forward(self, x):
            count, across = x.shape[0], x.shape[3] // patch
            x = x.reshape(count, 3, across, patch, across, patch).permute(0, 2, 4, 3, 5, 1)
            return x.reshape(count, across * across, patch * patch * 3)

    class Reference(nn.Module):

        def __init__(self):
            super().__init__()
            pixels, tokens = patch * patch * 3, (MODELS["reference"].image // patch)**2 + 1
            self.lp_src = nn.Sequential(Cut(), nn.LayerNorm(pixels), nn.Linear(pixels, width), nn.LayerNorm(width))
            self.cls = nn.Parameter(torch.randn(1, 1, width))
            self.pos = nn.Parameter(torch.randn(1, tokens, width))
            self.blocks = nn.ModuleList([Block() for _ in range(depth)])
            self.cl = nn.Linear(width, classes)

        def forward(self, x):
            x = self.lp_src(x)
            x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.pos
            for block in self.blocks:
                x = block(x)
            return self.cl(x[:, 0])

    return Reference()


def build(name, folder):
    """The PyTorch model NAME with the weights of its checkpoint in FOLDER, or with random ones if there is none."""
    import torch
    torch.manual_seed(0)
    builders = {"shipped": build_shipped, "reference": build_reference, "vit-b": build_vit_b}
    checkpoint = pathlib.Path(folder) / f"{name}.pth"
    model = builders[name](checkpoint)
    if checkpoint.exists():
        model.load_state_dict(read_state(checkpoint), strict=True)
    return model.eval()


def read_images(records, count, model):
    """The first images as u8 [count, height, width, 3], repeating pixels if the model's images are larger, and labels."""
    data = np.frombuffer(pathlib.Path(records).read_bytes()[:count * RECORD_BYTES], np.uint8)
    data = data.reshape(-1, RECORD_BYTES)
    pixels = data[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    repeat = math.ceil(model.image / 32)
    pixels = pixels.repeat(repeat, 1).repeat(repeat, 2)[:, :model.image, :model.image]
    return np.ascontiguousarray(pixels), data[:, 0].astype(np.int64)


def main(folder, checkpoint, images, calibration):
    import torch
    folder = pathlib.Path(folder)
    (folder / "shipped.pth").write_bytes(pathlib.Path(checkpoint).read_bytes())
    for name, model in MODELS.items():
        module = build(name, folder)
        if name != "shipped":
            torch.save(module.state_dict(), folder / f"{name}.pth")
        example = torch.randn(2, 3, model.image, model.image)
        torch.onnx.export(module, example, folder / f"{name}.onnx", input_names=["x"], output_names=["y"],
                          dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}}, opset_version=17, dynamo=False)
        pixels, labels = read_images(images, model.images, model)
        np.save(folder / f"{name}.images.npy", pixels)
        np.save(folder / f"{name}.images.labels.npy", labels)
        np.save(folder / f"{name}.calibration.npy", read_images(calibration, model.calibration, model)[0])
        model.save(folder)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
