#!/usr/bin/env python3
"""Lists an ONNX model, or runs it on images with NumPy or with ONNX Runtime.

    onnx_model.py --schema=DIR list MODEL.onnx
    onnx_model.py --schema=DIR run MODEL.onnx IMAGES.npy LOGITS.f32
    onnx_model.py runtime MODEL.onnx IMAGES.npy LOGITS.f32

DIR has onnx.proto, with which protoc decodes the model. `list` prints a line for each input, output, constant, node and entry
of the metadata. `run` has a function of NumPy for each operator that vitya-compile writes, as ONNX defines it. IMAGES is f32
[count, channels, height, width]; logits are little-endian f32.
"""
import argparse
import ast
import math
import re
import subprocess

import numpy as np

TYPES = {1: "f32", 2: "u8", 3: "i8", 6: "i32", 7: "i64", 16: "bf16", 22: "i4"}
ELEMENTS = {"f32": "<f4", "u8": "u1", "i8": "i1", "i32": "<i4", "i64": "<i8"}


def parse(lines):
    """Parses protoc's text up to the end of a message: {field: [values]}."""
    message = {}
    for line in lines:
        line = line.strip()
        if line == "}":
            break
        if line.endswith(" {"):
            message.setdefault(line[:-2], []).append(parse(lines))
            continue
        key, text = line.split(": ", 1)
        value = text if re.match("[A-Z]", text) else ast.literal_eval(("b" if text.startswith('"') else "") + text)
        if isinstance(value, bytes) and key != "raw_data":
            value = value.decode()
        message.setdefault(key, []).append(value)
    return message


def read(path, schema):
    with open(path, "rb") as file:
        text = subprocess.run(["protoc", "--decode=onnx.ModelProto", f"--proto_path={schema}", "onnx.proto"], stdin=file,
                              check=True, capture_output=True, text=True).stdout
    return parse(iter(text.splitlines()))


def one(message, key, default=None):
    return message.get(key, [default])[0]


def attributes_of(node):
    """The attributes of a node, from the field that the type of each names."""
    fields = {"INT": "i", "FLOAT": "f", "STRING": "s"}
    return {one(each, "name"): each.get("ints", []) if one(each, "type") == "INTS" else one(each, fields[one(each, "type")])
            for each in node.get("attribute", [])}


# ---------------------------------------------------------------------------------------------------------------------
# Listing
# ---------------------------------------------------------------------------------------------------------------------


def sizes(dims):
    return "[" + ", ".join(map(str, dims)) + "]"


def list_model(model):
    graph = one(model, "graph")
    print("format", one(model, "ir_version"), "operators", one(one(model, "opset_import"), "version"))
    print("producer", one(model, "producer_name"))
    for entry in model.get("metadata_props", []):
        print("metadata", one(entry, "key"), "=", one(entry, "value"))
    for kind in ("input", "output"):
        for info in graph.get(kind, []):
            tensor = one(one(info, "type"), "tensor_type")
            dims = [one(dim, "dim_param") or one(dim, "dim_value") for dim in one(tensor, "shape")["dim"]]
            print(kind, one(info, "name"), TYPES[one(tensor, "elem_type")], sizes(dims))
    for tensor in graph.get("initializer", []):
        print("constant", one(tensor, "name"), TYPES[one(tensor, "data_type")], sizes(tensor.get("dims", [])))
    for node in graph.get("node", []):
        attributes = "".join(f" {name}={value}" for name, value in attributes_of(node).items())
        print(f"{one(node, 'output')} = {one(node, 'op_type')}({', '.join(node.get('input', []))}){attributes}")


# ---------------------------------------------------------------------------------------------------------------------
# Running
# ---------------------------------------------------------------------------------------------------------------------


def value_of(tensor):
    kind, shape = TYPES[one(tensor, "data_type")], tensor.get("dims", [])
    raw = one(tensor, "raw_data", b"")
    if kind == "i4":  # two in a byte, the first in the low half
        bytes_ = np.frombuffer(raw, "u1")
        nibbles = np.stack([bytes_ & 15, bytes_ >> 4], 1).ravel()[:math.prod(shape)].astype("i1")
        return np.where(nibbles > 7, nibbles - 16, nibbles).astype("i1").reshape(shape)
    if kind == "bf16":  # the high half of an f32, as which it is computed with
        return (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4").reshape(shape)
    return np.frombuffer(raw, ELEMENTS[kind]).reshape(shape)


def cast(x, to):
    if TYPES[to] != "bf16":
        return x.astype(ELEMENTS[TYPES[to]])
    bits = np.ascontiguousarray(x).view("<u4")
    return (bits + 0x7fff + (bits >> 16 & 1) & 0xffff0000).astype("<u4").view("<f4")


def along(vector, axis, rank):
    """`vector` so that it broadcasts along `axis` of a tensor; a scalar as it is."""
    return vector.reshape([-1 if each == axis % rank else 1 for each in range(rank)]) if vector.ndim else vector


def quantize_linear(x, scale, zero):
    limits = np.iinfo(zero.dtype)
    return np.clip(np.rint(x / scale) + zero.astype("i4"), limits.min, limits.max).astype(zero.dtype)


def dequantize_linear(x, scale, zero=np.int32(0), axis=1):
    return (x.astype("i4") - along(zero.astype("i4"), axis, x.ndim)).astype("f4") * along(scale, axis, x.ndim)


def layer_normalization(x, weight, bias, axis, epsilon):
    centred = x - x.mean(axis, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis, keepdims=True) + np.float32(epsilon)) * weight + bias


def gelu(x, approximate):
    if approximate == "tanh":
        return x / 2 * (1 + np.tanh(np.float32(math.sqrt(2 / math.pi)) * (x + np.float32(0.044715) * x**3)))
    return (x / 2 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))).astype("f4")


def softmax(x, axis):
    exponentials = np.exp(x - x.max(axis, keepdims=True))
    return exponentials / exponentials.sum(axis, keepdims=True)


def take_slice(x, starts, ends, axes, steps):
    index = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps):
        index[axis] = slice(start, end, step)
    return x[tuple(index)]


def reduction(function):
    return lambda x, axes, keepdims=1: function(x, axis=tuple(axes), keepdims=bool(keepdims))


def shape_of(x, start, end):
    return np.array(x.shape[start:end], "i8")


def windows_of(x, kernel_shape, strides, pads, outside):
    """[batch, channels, rows, columns, kernel rows, kernel columns]"""
    top, left, bottom, right = pads
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=outside)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel_shape, (2, 3))
    return windows[:, :, ::strides[0], ::strides[1]]


def convolution(x, weight, bias=np.float32(0), **window):
    products = np.tensordot(windows_of(x, outside=0, **window), weight, ([1, 4, 5], [1, 2, 3]))
    return np.moveaxis(products + bias, 3, 1)


OPERATORS = {
    "Add": np.add,
    "Cast": cast,
    "Clip": np.clip,
    "Concat": lambda *values, axis: np.concatenate(values, axis),
    "Conv": convolution,
    "DequantizeLinear": dequantize_linear,
    "Div": np.divide,
    "Exp": np.exp,
    "Expand": lambda x, shape: np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(shape))),
    "Gather": lambda x, indices, axis: np.take(x, indices, axis),
    "Gelu": gelu,
    "LayerNormalization": layer_normalization,
    "MatMul": np.matmul,
    "MatMulInteger": lambda a, b, _=None, zero=0: np.matmul(a.astype("i4"), b.astype("i4") - zero),
    "Max": np.maximum,
    "MaxPool": lambda x, **window: windows_of(x, outside=-np.inf, **window).max((4, 5)),
    "Min": np.minimum,
    "Mul": np.multiply,
    "Neg": np.negative,
    "Pad": lambda x, pads: np.pad(x, np.reshape(pads, (2, -1)).T),
    "QuantizeLinear": quantize_linear,
    "Reciprocal": lambda x: 1 / x,
    "ReduceMax": reduction(np.max),
    "ReduceMean": reduction(np.mean),
    "ReduceMin": reduction(np.min),
    "ReduceSum": reduction(np.sum),
    "Relu": lambda x: np.maximum(x, 0),
    "Reshape": np.reshape,
    "Round": np.rint,
    "Shape": shape_of,
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Slice": take_slice,
    "Softmax": softmax,
    "Sqrt": np.sqrt,
    "Sub": np.subtract,
    "Transpose": lambda x, perm: np.transpose(x, perm),
}


def run(model, images):
    graph = one(model, "graph")
    values = {one(tensor, "name"): value_of(tensor) for tensor in graph["initializer"]}
    values["image"] = images
    for node in graph["node"]:
        inputs = [values[name] if name else None for name in node.get("input", [])]
        result = OPERATORS[one(node, "op_type")](*inputs, **attributes_of(node))
        values[one(node, "output")] = np.asarray(result, None if result.dtype != "f8" else "f4")
    return values["logits"]


def run_with_runtime(path, images):
    import onnxruntime
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    batch = 32
    return np.concatenate([session.run(["logits"], {"image": images[at:at + batch]})[0] for at in range(0, len(images), batch)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schema")
    parser.add_argument("command", choices=["list", "run", "runtime"])
    parser.add_argument("model")
    parser.add_argument("images", nargs="?")
    parser.add_argument("logits", nargs="?")
    options = parser.parse_args()
    if options.command == "list":
        return list_model(read(options.model, options.schema))
    images = np.load(options.images)
    if options.command == "run":
        logits = run(read(options.model, options.schema), images)
    else:
        logits = run_with_runtime(options.model, images)
    return logits.astype("<f4").tofile(options.logits)


if __name__ == "__main__":
    main()
