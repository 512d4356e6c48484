#!/usr/bin/env python3
"""Writes the folder of a small Vision Transformer as it is on the Hugging Face hub. Standard library only.

    make_folder.py DIR [--library=transformers|timm] [--weights=safetensors|bin|legacy] [--shards=N]
                   [--set FILE:KEY.KEY=JSON]... [--defect=NAME]

The values of the tensors are those of make_checkpoint.py. --set changes a value of a JSON file, and removes it if JSON is
null. A defect is one change that makes the index of several files invalid.
"""
import argparse
import collections
import json
import os

import make_checkpoint
from make_checkpoint import CLASSES, DEPTH, HIDDEN, PATCH, SIDE, WIDTH, Storage, Tensor

LABELS = ["ant", "bee", "cow"]


def transformers_names(tensors):
    """Returns the tensors under the names of ViTForImageClassification before version 5, with separate queries, keys and
    values."""
    parts = [("cls_token", "vit.embeddings.cls_token"), ("pos_embed", "vit.embeddings.position_embeddings"),
             ("patch_embed.proj", "vit.embeddings.patch_embeddings.projection"), ("blocks.", "vit.encoder.layer."),
             (".norm1", ".layernorm_before"), (".norm2", ".layernorm_after"), (".attn.proj", ".attention.output.dense"),
             (".mlp.fc1", ".intermediate.dense"), (".mlp.fc2", ".output.dense"), ("head.", "classifier.")]
    result = collections.OrderedDict()
    for name, tensor in tensors.items():
        for old, new in parts:
            name = name.replace(old, new)
        if name.startswith("norm."):
            name = "vit.layernorm." + name[5:]
        if ".attn.qkv" not in name:
            result[name] = tensor
            continue
        values = make_checkpoint.floats(tensor)
        rows = len(values) // 3
        for index, part in enumerate(("query", "key", "value")):
            shape = (WIDTH,) + tensor.shape[1:]
            result[name.replace(".attn.qkv", ".attention.attention." + part)] = Tensor(
                Storage(values[index * rows:(index + 1) * rows]), shape)
    return result


def transformers_files():
    config = {"architectures": ["ViTForImageClassification"], "model_type": "vit", "hidden_size": WIDTH,
              "num_hidden_layers": DEPTH, "num_attention_heads": 2, "intermediate_size": HIDDEN, "hidden_act": "gelu_new",
              "hidden_dropout_prob": 0.0, "layer_norm_eps": 1e-5, "image_size": SIDE, "patch_size": PATCH,
              "num_channels": 3, "qkv_bias": True, "id2label": {str(i): name for i, name in enumerate(LABELS)}}
    preprocessor = {"do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5, 0.25, 0.125],
                    "image_processor_type": "ViTImageProcessor", "image_std": [0.25, 0.5, 1.0], "resample": 2,
                    "rescale_factor": 0.00392156862745098, "size": {"height": SIDE, "width": SIDE}}
    return {"config.json": config, "preprocessor_config.json": preprocessor}


def timm_files():
    pretrained = {"tag": "x", "input_size": [3, SIDE, SIDE], "interpolation": "bilinear", "crop_pct": 1.0,
                  "crop_mode": "squash", "mean": [0.5, 0.25, 0.125], "std": [0.25, 0.5, 1.0], "num_classes": CLASSES}
    return {"config.json": {"architecture": "vit_small_patch4_8", "num_classes": CLASSES, "num_features": WIDTH,
                            "global_pool": "token", "model_args": {"num_heads": 2}, "pretrained_cfg": pretrained,
                            "label_names": LABELS}}


def change(files, assignment):
    place, value = assignment.split("=", 1)
    name, path = place.split(":", 1)
    *keys, last = path.split(".")
    target = files[name]
    for key in keys:
        target = target[key]
    value = json.loads(value)
    if value is None:
        target.pop(last, None)
    else:
        target[last] = value


def weights_bytes(tensors, kind):
    if kind == "safetensors":
        return make_checkpoint.safetensors_bytes(tensors)
    if kind == "legacy":
        return make_checkpoint.legacy_bytes(tensors)
    return make_checkpoint.zip_bytes(make_checkpoint.torch_entries(tensors))


def shard_files(tensors, kind, count, defect):
    """Returns the files of a checkpoint in `count` shards, by name."""
    stem, suffix = ("model", ".safetensors") if kind == "safetensors" else ("pytorch_model", ".bin")
    names = ["%s-%05d-of-%05d%s" % (stem, index + 1, count, suffix) for index in range(count)]
    shards, places = [{} for _ in range(count)], {}
    for index, (name, tensor) in enumerate(tensors.items()):
        shards[index * count // len(tensors)][name] = tensor
        places[name] = names[index * count // len(tensors)]
    first = next(iter(tensors))
    if defect == "twice":
        shards[1][first] = tensors[first]
    elif defect == "absent":
        del shards[0][first]
    elif defect == "unlisted":
        del places[first]
    elif defect == "outside":
        places[first] = "../" + places[first]
    elif defect == "absolute":
        places[first] = "/etc/passwd"
    elif defect == "number":
        places[first] = 7
    elif defect == "index":
        places[first] = stem + suffix + ".index.json"
    # Each shard is pickled on its own, so storages get new keys.
    files = {}
    for name, shard in zip(names, shards):
        for tensor in shard.values():
            tensor.storage.key = None
        files[name] = weights_bytes(shard, kind)
    index = {"metadata": {"total_size": 4 * sum(tensor.storage.count for tensor in tensors.values())}}
    index["weights" if defect == "no-map" else "weight_map"] = places
    text = json.dumps(index, indent=2).encode()
    files[stem + suffix + ".index.json"] = text[:-9] if defect == "json" else text
    if defect == "missing":
        del files[names[1]]
    elif defect == "damaged":
        files[names[1]] = files[names[1]][:-8]
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--library", default="transformers", choices=["transformers", "timm"])
    parser.add_argument("--weights", default="safetensors", choices=["safetensors", "bin", "legacy"])
    parser.add_argument("--shards", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="FILE:KEY.KEY=JSON")
    parser.add_argument("--variant", default="plain", help="an architecture of make_checkpoint.py")
    parser.add_argument("--without", action="append", default=[], metavar="FILE")
    parser.add_argument("--defect")
    arguments = parser.parse_args()
    shapes = make_checkpoint.timm(**make_checkpoint.ARCHITECTURES.get(arguments.variant, {}))
    tensors = make_checkpoint.make_tensors(shapes, "plain")
    if arguments.library == "transformers":
        tensors = transformers_names(tensors)
    contents = transformers_files() if arguments.library == "transformers" else timm_files()
    for assignment in arguments.set:
        change(contents, assignment)
    files = {name: json.dumps(value, indent=2).encode() for name, value in contents.items()}
    if arguments.shards:
        files.update(shard_files(tensors, arguments.weights, arguments.shards, arguments.defect))
    else:
        name = "model.safetensors" if arguments.weights == "safetensors" else "pytorch_model.bin"
        files[name] = weights_bytes(tensors, arguments.weights)
    os.makedirs(arguments.folder, exist_ok=True)
    for name, data in files.items():
        if name not in arguments.without:
            with open(os.path.join(arguments.folder, name), "wb") as file:
                file.write(data)


if __name__ == "__main__":
    main()
