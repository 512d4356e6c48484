#!/usr/bin/env python3
"""Computes the files in families/ with the code of the libraries whose models they are.

    families.py IMAGES [NAME ...]

IMAGES are records of CIFAR-10, of which the first two are read. Each file has the names and shapes of a state dict and the
logits of the model with the weights of make_family.py, for pixels normalized to mean 0.5 and standard deviation 0.5.
Requires PyTorch 2, timm, transformers, vit-pytorch and open_clip_torch.
"""
import json
import os
import sys

import torch
from make_family import values

SIZES = dict(hidden_size=48, num_hidden_layers=2, num_attention_heads=3, num_labels=10, patch_size=8)
TIMM = dict(img_size=32, patch_size=8, embed_dim=48, depth=2, num_heads=3, mlp_ratio=2, num_classes=10)
LUCID = dict(image_size=32, patch_size=8, num_classes=10, dim=48, depth=2, heads=3, mlp_dim=96, dim_head=16)


def transformers(name, image=32, **options):

    def make():
        import transformers as library
        config = name[:name.index("For")] + "Config"
        model = getattr(library, name)(getattr(library, config)(image_size=image, **SIZES, **options))
        if image == 32:
            return model, lambda x: model(x).logits
        if name.startswith("Dinov2"):  # interpolates unasked
            return model, lambda x: model(x).logits
        return model, lambda x: model(x, interpolate_pos_encoding=True).logits

    return make


def backbone(name, **options):
    """A model without a head, whose features are the normalized class token."""

    def make():
        import transformers as library
        sizes = {key: value for key, value in SIZES.items() if key != "num_labels"}
        config = getattr(library, name[:name.index("Model")] + "Config")(image_size=32, **sizes, **options)
        model = getattr(library, name)(config)
        return model, lambda x: model(x).last_hidden_state[:, 0]

    return make


def clip(name):

    def make():
        import transformers as library
        sizes = {key: value for key, value in SIZES.items() if key != "num_labels"}
        vision = library.CLIPVisionConfig(image_size=32, intermediate_size=96, projection_dim=24, **sizes)
        text = library.CLIPTextConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
                                      vocab_size=20, projection_dim=24)
        both = library.CLIPConfig(vision_config=vision.to_dict(), text_config=text.to_dict(), projection_dim=24, num_labels=10)
        model = getattr(library, name)(vision if "Vision" in name else both)
        outputs = {
            "CLIPModel": lambda x: model.get_image_features(x),
            "CLIPVisionModel": lambda x: model(x).pooler_output,
            "CLIPVisionModelWithProjection": lambda x: model(x).image_embeds,
            "CLIPForImageClassification": lambda x: model(x).logits
        }

        def run(x):
            result = outputs[name](x)
            return getattr(result, "pooler_output", result)

        return model, run

    return make


def siglip(classes):

    def make():
        import transformers as library
        sizes = {key: value for key, value in SIZES.items() if key != "num_labels"}
        config = library.SiglipVisionConfig(image_size=32, intermediate_size=96, **sizes)
        if not classes:
            model = library.SiglipVisionModel(config)
            return model, lambda x: model(x).pooler_output
        config = library.SiglipConfig(vision_config=config.to_dict(), num_labels=classes)
        model = library.SiglipForImageClassification(config)
        return model, lambda x: model(x).logits

    return make


def timm(kind="VisionTransformer", resize=False, swiglu=False, rms=False, **options):

    def make():
        from timm.layers import RmsNorm, SwiGLUPacked
        from timm.models import deit, vision_transformer
        if rms:
            options.update(norm_layer=RmsNorm)
        if swiglu:
            options.update(mlp_layer=SwiGLUPacked, act_layer=torch.nn.SiLU)
        model = getattr(deit if "Distilled" in kind else vision_transformer, kind)(**{**TIMM, **options})

        def run(x):
            if resize:
                model.set_input_size(32)
            return model(x)

        return model, run

    return make


def timm_dinov3():
    """The small model of DINOv3 with fewer columns and blocks."""
    import timm as library
    options = {key: value for key, value in TIMM.items() if key != "mlp_ratio"}
    model = library.create_model("vit_small_patch16_dinov3", **options, mlp_ratio=2)
    return model, model


def lucidrains(kind, **options):

    def make():
        import vit_pytorch
        from vit_pytorch import simple_vit
        model = (simple_vit.SimpleViT if kind == "SimpleViT" else vit_pytorch.ViT)(**LUCID, **options)
        return model, model

    return make


class EncoderVit(torch.nn.Module):
    """The model whose layout docs/layouts.md develops."""

    def __init__(self, width=64, patch=8, registers=2):
        super().__init__()
        nn = torch.nn
        pixels = 3 * patch * patch
        self.patch = patch
        self.embed = nn.Sequential(nn.LayerNorm(pixels), nn.Linear(pixels, width), nn.LayerNorm(width))
        self.registers = nn.Parameter(torch.zeros(registers, width))
        self.positions = nn.Parameter(torch.zeros(1, (32 // patch)**2, width))
        layer = nn.TransformerEncoderLayer(width, 4, 96, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Sequential(nn.Linear(width, 128), nn.GELU(), nn.Linear(128, 10))

    def forward(self, x):
        size = self.patch
        x = x.unfold(2, size, size).unfold(3, size, size)  # [N, 3, rows, columns, size, size]
        x = self.embed(x.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)) + self.positions
        x = torch.cat([self.registers.expand(len(x), -1, -1), x], 1)
        return self.head(self.encoder(x)[:, len(self.registers):].mean(1))


class PooledVit(torch.nn.Module):
    """Norms behind the residuals, ReLU, sinusoidal positions, and the sequence pooling of CCT (arXiv 2104.05704)."""

    def __init__(self, width=48, patch=8):
        super().__init__()
        nn = torch.nn
        self.embed = nn.Conv2d(3, width, patch, patch, bias=False)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        layer = nn.TransformerEncoderLayer(width, 3, 96, activation="relu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.attention_pool = nn.Linear(width, 1)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1)
        n, width = torch.arange(x.shape[1])[:, None], x.shape[2]
        angles = n / 10000**(torch.arange(0, width, 2) / width)
        x = self.encoder(x + torch.stack([angles.sin(), angles.cos()], 2).flatten(1))
        pooled = torch.softmax(self.attention_pool(x), 1).transpose(-1, -2) @ x
        return self.head(pooled.squeeze(-2))


class StemVit(torch.nn.Module):
    """A stem of six convolutions with batch norms, as in "Early Convolutions" (arXiv 2106.14881), and two blocks."""

    def __init__(self, widths=(8, 16, 24, 32, 48)):
        super().__init__()
        nn = torch.nn
        stem, channels = [], 3
        for index, width in enumerate(widths):
            stem += [nn.Conv2d(channels, width, 3, stride=2 if index < 3 else 1, padding=1, bias=index == 0),
                     nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        self.stem = nn.Sequential(*stem, nn.Conv2d(channels, 48, 1))
        layer = nn.TransformerEncoderLayer(48, 3, 96, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, nn.LayerNorm(48), enable_nested_tensor=False)
        self.positions = nn.Parameter(torch.zeros(1, 16, 48))
        self.head = nn.Linear(48, 10)

    def forward(self, x):
        x = self.stem(x).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.encoder(x).mean(1))


def cct(kernel, stride, padding):

    def make():
        from vit_pytorch.cct import CCT
        model = CCT(img_size=32, embedding_dim=48, n_conv_layers=2, kernel_size=kernel, stride=stride, padding=padding,
                    num_layers=2, num_heads=3, mlp_ratio=2, num_classes=10, positional_embedding="learnable")
        return model, model

    return make


def own(kind):

    def make():
        model = kind()
        return model, model

    return make


def open_clip():
    from open_clip.transformer import VisionTransformer
    model = VisionTransformer(32, 8, width=48, layers=2, heads=3, mlp_ratio=2, output_dim=10)
    return model, model


def open_clip_with_head():
    tower, _ = open_clip()
    tower.head = torch.nn.Linear(10, 5)
    return tower, lambda x: tower.head(tower(x))


class PlainNormVit(torch.nn.Module):
    """Norms without a bias, and patches as rows of pixels."""

    def __init__(self, width=48, patch=8):
        super().__init__()
        nn = torch.nn
        self.patch = patch
        self.embed = nn.Linear(3 * patch * patch, width)
        layer = nn.TransformerEncoderLayer(width, 3, 96, activation="gelu", batch_first=True, norm_first=True, bias=False)
        self.encoder = nn.TransformerEncoder(layer, 2, nn.LayerNorm(width, bias=False), enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        size = self.patch
        x = x.unfold(2, size, size).unfold(3, size, size)  # [N, 3, rows, columns, size, size]
        x = self.embed(x.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2))
        return self.head(self.encoder(x).mean(1))


FAMILIES = {
    "open-clip": open_clip,
    "open-clip-head": open_clip_with_head,
    "plain-norms": own(PlainNormVit),
    "transformer-encoder": own(EncoderVit),
    "sequence-pool": own(PooledVit),
    "stem": own(StemVit),
    "cct": cct(3, 1, 1),
    "cct-large-kernels": cct(7, 2, 3),
    "huggingface-dinov2-swiglu": transformers("Dinov2ForImageClassification", use_swiglu_ffn=True, mlp_ratio=2),
    "timm-qk-norm": timm(qk_norm=True),
    "timm-swiglu": timm(swiglu=True),
    "timm-rms": timm(rms=True, qk_norm=True, class_token=False, global_pool="avg", fc_norm=True),
    "huggingface-vit": transformers("ViTForImageClassification", intermediate_size=96),
    "huggingface-vit-interpolated": transformers("ViTForImageClassification", image=40, intermediate_size=96),
    "huggingface-deit": transformers("DeiTForImageClassification", intermediate_size=96),
    "huggingface-deit-teacher": transformers("DeiTForImageClassificationWithTeacher", intermediate_size=96),
    "huggingface-dinov2": transformers("Dinov2ForImageClassification", image=56, mlp_ratio=2),
    "huggingface-dinov2-registers": transformers("Dinov2WithRegistersForImageClassification", mlp_ratio=2,
                                                 num_register_tokens=3),
    "huggingface-vit-features": backbone("ViTModel", intermediate_size=96),
    "huggingface-deit-features": backbone("DeiTModel", intermediate_size=96),
    "huggingface-dinov2-features": backbone("Dinov2Model", mlp_ratio=2),
    "huggingface-dinov3": backbone("DINOv3ViTModel", intermediate_size=96, num_register_tokens=3),
    "huggingface-dinov3-gated": backbone("DINOv3ViTModel", intermediate_size=96, use_gated_mlp=True),
    "huggingface-clip": clip("CLIPModel"),
    "huggingface-clip-tower": clip("CLIPVisionModel"),
    "huggingface-clip-projection": clip("CLIPVisionModelWithProjection"),
    "huggingface-clip-classifier": clip("CLIPForImageClassification"),
    "huggingface-siglip": siglip(classes=0),
    "huggingface-siglip-classifier": siglip(classes=10),
    "timm-dinov3": timm_dinov3,
    "timm-attention-pool": timm(class_token=False, global_pool="map"),
    "timm-registers": timm(reg_tokens=3, init_values=1e-5),
    "timm-registers-no-embed-class": timm(reg_tokens=3, no_embed_class=True),
    "timm-distilled": timm("VisionTransformerDistilled"),
    "timm-average": timm(class_token=False, global_pool="avg"),
    "timm-fc-norm": timm(global_pool="avg", fc_norm=True),
    "timm-interpolated": timm(img_size=56, resize=True),
    "lucidrains-vit": lucidrains("ViT"),
    "lucidrains-vit-mean": lucidrains("ViT", pool="mean"),
    "lucidrains-simple-vit": lucidrains("SimpleViT"),
}


def main():
    images, *names = sys.argv[1:]
    records = 3073 * 2  # each has a label and 3 * 32 * 32 pixels
    with open(images, "rb") as file:
        pixels = torch.frombuffer(bytearray(file.read(records)), dtype=torch.uint8).reshape(2, -1)[:, 1:]
    x = (pixels.reshape(2, 3, 32, 32) / 255 - 0.5) / 0.5
    for name in names or FAMILIES:
        model, run = FAMILIES[name]()
        state = {key: torch.tensor(values(key, list(value.shape))).reshape(value.shape)
                 for key, value in model.state_dict().items()}
        model.load_state_dict(state)
        model.eval()
        with torch.inference_mode():
            logits = run(x)
        content = {"tensors": {key: list(value.shape) for key, value in state.items()},
                   "logits": [[round(value, 6) for value in row] for row in logits.tolist()]}
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "families", name + ".json")
        with open(path, "w") as file:
            json.dump(content, file, separators=(",", ":"))
            file.write("\n")
        print(name, logits.abs().max().item())


main()
