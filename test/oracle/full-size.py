#!/usr/bin/env python3
"""Compares compiled models of full size with the code of the libraries whose models they are.

    full-size.py BIN [NAME ...]

BIN is the folder of vitya-compile. Each model has random weights, of which each one affects the logits, and gets two random
images. Prints a row of a Markdown table for each: its parameters, and the largest difference of the logits as a share of the
largest logit. Exits with 1 if a difference is larger than 1e-4. Requires PyTorch 2, torchvision, timm,
transformers, vit-pytorch, open_clip_torch and safetensors.
"""
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
from safetensors.torch import save_file

BOUND = 1e-4


def from_timm(name, **options):
    import timm
    return timm.create_model(name, **options)


def from_transformers(kind, **options):
    import transformers
    config = getattr(transformers, kind[:kind.index("For")] + "Config")(**options)
    return getattr(transformers, kind)(config)


def from_torchvision(name):
    import torchvision
    return getattr(torchvision.models, name)()


def from_open_clip(name):
    import open_clip
    return open_clip.create_model(name).visual


def from_lucidrains(kind):
    import vit_pytorch
    from vit_pytorch import simple_vit
    sizes = dict(image_size=256, patch_size=32, num_classes=1000, dim=1024, depth=6, heads=16, mlp_dim=2048)
    return simple_vit.SimpleViT(**sizes) if kind == "SimpleViT" else vit_pytorch.ViT(**sizes)


def dinov2(kind):
    return from_transformers(kind, hidden_size=384, num_attention_heads=6, image_size=518, patch_size=14, num_labels=1000)


# The model, the side of its images, and what its file does not tell; nothing if the file is one of torch.export.
MODELS = {
    "timm vit_base_patch16_224": (lambda: from_timm("vit_base_patch16_224"), 224, ["heads=12"]),
    "timm deit_base_distilled_patch16_224":
        (lambda: from_timm("deit_base_distilled_patch16_224"), 224, ["heads=12"]),
    "timm vit_small_patch14_reg4_dinov2":
        (lambda: from_timm("vit_small_patch14_reg4_dinov2", num_classes=1000), 518, ["heads=6", "pool=class"]),
    "torchvision vit_b_16": (lambda: from_torchvision("vit_b_16"), 224, ["heads=12"]),
    "transformers ViTForImageClassification":
        (lambda: from_transformers("ViTForImageClassification", num_labels=1000), 224, ["heads=12"]),
    "transformers DeiTForImageClassificationWithTeacher":
        (lambda: from_transformers("DeiTForImageClassificationWithTeacher", num_labels=1000), 224, ["heads=12"]),
    "transformers Dinov2ForImageClassification, small, at 224x224":
        (lambda: dinov2("Dinov2ForImageClassification"), 224, ["heads=6", "image=224"]),
    "transformers Dinov2WithRegistersForImageClassification, small":
        (lambda: dinov2("Dinov2WithRegistersForImageClassification"), 518, ["heads=6"]),
    "transformers SiglipForImageClassification":
        (lambda: from_transformers("SiglipForImageClassification", num_labels=1000), 224, ["heads=12"]),
    "open_clip ViT-B-32": (lambda: from_open_clip("ViT-B-32"), 224, ["heads=12"]),
    "lucidrains ViT": (lambda: from_lucidrains("ViT"), 256, ["heads=16"]),
    "lucidrains SimpleViT": (lambda: from_lucidrains("SimpleViT"), 256, ["heads=16", "image=256"]),
    "timm vit_small_patch16_dinov3":
        (lambda: from_timm("vit_small_patch16_dinov3", num_classes=1000, img_size=224), 224, None),
    "timm eva02_small_patch14_336": (lambda: from_timm("eva02_small_patch14_336", num_classes=1000), 336, None),
    "timm vit_small_patch16_rope_mixed_224": (lambda: from_timm("vit_small_patch16_rope_mixed_224"), 224, None),
    "timm vit_pe_core_small_patch16_384":
        (lambda: from_timm("vit_pe_core_small_patch16_384", num_classes=1000), 384, None),
    "timm beit_base_patch16_224": (lambda: from_timm("beit_base_patch16_224"), 224, None),
    "timm vit_relpos_small_patch16_224": (lambda: from_timm("vit_relpos_small_patch16_224"), 224, None),
}


def randomize(model, seed):
    """Replaces the weights by random ones, such that each one affects the logits."""
    torch.manual_seed(seed)
    for name, tensor in model.named_parameters():
        if tensor.dim() <= 1:
            gains = ("norm", "ln_", ".net.0.", "gamma", "lambda")
            is_gain = not name.endswith("bias") and any(part in name for part in gains)
            tensor.data.uniform_(0.7, 1.3) if is_gain else tensor.data.uniform_(-0.5, 0.5)
        elif "token" in name or "pos" in name:
            tensor.data.uniform_(-0.5, 0.5)
        else:
            tensor.data.uniform_(-1, 1).mul_(2 * math.sqrt(3 / math.prod(tensor.shape[1:])))


def logits_of(output):
    """Returns the logits of what a model of any of the libraries returns."""
    output = getattr(output, "logits", output)
    return (output[0] if isinstance(output, tuple) else output).numpy()


def compare(folder, compiler, build, side, settings):
    """Returns the number of parameters and the largest relative difference of the logits."""
    model = build().eval()
    randomize(model, 1)
    images = numpy.random.RandomState(2).rand(2, 3, side, side).astype(numpy.float32)
    with torch.no_grad():
        expected = logits_of(model((torch.from_numpy(images) - 0.5) / 0.5))
    numpy.save(folder / "images.npy", images)
    if settings is None:
        file = folder / "model.pt2"
        with torch.no_grad():
            torch.export.save(torch.export.export(model, (torch.zeros(1, 3, side, side),)), file)
    else:
        file = folder / "model.safetensors"
        save_file({name: tensor.clone() for name, tensor in model.state_dict().items()}, file)
    options = [f"--set={setting}" for setting in (*(settings or ()), "mean=0.5,0.5,0.5", "std=0.5,0.5,0.5")]
    subprocess.run([compiler, file, *options, "-o", folder / "model"],
                   check=True, capture_output=True, text=True)
    logits = subprocess.run([folder / "model", "logits", folder / "images.npy"], check=True, capture_output=True).stdout
    found = numpy.frombuffer(logits, numpy.float32).reshape(expected.shape)
    return sum(tensor.numel() for tensor in model.parameters()), abs(found - expected).max() / abs(expected).max()


def main():
    compiler = pathlib.Path(sys.argv[1]) / "vitya-compile"
    status = 0
    print("| model | parameters | largest difference |\n|---|---|---|")
    for name in sys.argv[2:] or MODELS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                count, difference = compare(pathlib.Path(folder), compiler, *MODELS[name])
                print(f"| {name} | {count:,} | {difference:.1e} |", flush=True)
                status |= not difference <= BOUND
            except subprocess.CalledProcessError as error:
                print(f"| {name} | {error.stderr.strip()} | |", flush=True)
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
