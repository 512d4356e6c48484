#!/usr/bin/env python3
"""Writes small checkpoints of Vision Transformers, valid or with one defect. Standard library only.

    make_checkpoint.py FILE [--family=timm|reference] [--variant=NAME] [--defect=NAME]
    make_checkpoint.py FILE --variant=text      one line for each tensor: name, shape, values (see LibTorchArchive.cpp)

The files equal those that PyTorch writes: a zip archive of uncompressed entries whose data.pkl comes from Python's pickler,
with stand-ins for torch's classes. All values are multiples of 1/32 below 2, which f16, bf16, f32 and f64 represent
exactly, so files that differ in storage only must import to the same IR. A variant is a valid file; a defect is one
change that makes a file invalid.
"""
import argparse
import collections
import io
import json
import pickle
import random
import struct
import sys
import types
import zipfile

# ---------------------------------------------------------------------------------------------------------------------
# Stand-ins: modules and classes that pickle under torch's names.
# ---------------------------------------------------------------------------------------------------------------------


def module(name):
    sys.modules[name] = types.ModuleType(name)
    return sys.modules[name]


def export(module_name, name, value):
    value.__module__, value.__name__, value.__qualname__ = module_name, name, name
    setattr(sys.modules[module_name], name, value)
    return value


for package in ("torch", "torch._utils", "torch.nn", "torch.nn.modules", "torch.nn.modules.module", "models", "__torch__"):
    module(package)
rebuild_tensor = export("torch._utils", "_rebuild_tensor_v2", lambda *arguments: None)
rebuild_tensor_v3 = export("torch._utils", "_rebuild_tensor_v3", lambda *arguments: None)
rebuild_parameter = export("torch._utils", "_rebuild_parameter", lambda *arguments: None)
rebuild_sparse = export("torch._utils", "_rebuild_sparse_tensor", lambda *arguments: None)
rebuild_qtensor = export("torch._utils", "_rebuild_qtensor", lambda *arguments: None)
storage_types = {
    dtype: export("torch", name, type(name, (), {}))
    for dtype, name in (("f32", "FloatStorage"), ("f64", "DoubleStorage"), ("f16", "HalfStorage"),
                        ("bf16", "BFloat16Storage"), ("i64", "LongStorage"), ("u8", "ByteStorage"),
                        ("qint8", "QInt8Storage"), ("untyped", "UntypedStorage"))
}
float32 = export("torch", "float32", type("float32", (), {}))
qint8 = export("torch", "qint8", type("qint8", (), {}))
per_channel_affine = export("torch", "per_channel_affine", type("per_channel_affine", (), {}))
per_tensor_affine = export("torch", "per_tensor_affine", type("per_tensor_affine", (), {}))
ScriptModule = export("__torch__", "VisionTransformer", type("VisionTransformer", (), {}))
Module = export("models", "VisionTransformer", type("VisionTransformer", (), {}))
ScriptObject = export("torch", "ScriptObject", type("ScriptObject", (), {"__getstate__": lambda self: self.state}))

# ---------------------------------------------------------------------------------------------------------------------
# Tensors.
# ---------------------------------------------------------------------------------------------------------------------

PACK = {"f32": "<f", "f64": "<d", "f16": "<e", "i64": "<q", "u8": "<B", "qint8": "<b"}
ITEM_BYTES = {"f32": 4, "f64": 8, "f16": 2, "bf16": 2, "i64": 8, "u8": 1, "qint8": 1}


def encode(values, dtype):
    if dtype == "bf16":
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    return b"".join(struct.pack(PACK[dtype], value) for value in values)


class Storage:

    def __init__(self, values, dtype="f32"):
        self.dtype, self.count, self.data, self.key = dtype, len(values), encode(values, dtype), None
        self.untyped = False


class Tensor:
    """A view of a storage, as in PyTorch. `wrap` is None, "parameter", "v3" or "sparse". Tensors of quantized storages
    have a quantizer, the argument of torch._utils._rebuild_qtensor with that name. `metadata` is the optional last
    argument of the functions that build tensors."""

    metadata = None

    def __init__(self, storage, shape, strides=None, offset=0, wrap=None, quantizer=None):
        self.quantizer = quantizer
        self.storage, self.shape, self.offset, self.wrap = storage, tuple(shape), offset, wrap
        self.strides = contiguous(shape) if strides is None else tuple(strides)

    def __reduce__(self):
        arguments = (self.storage, self.offset, self.shape, self.strides)
        if self.storage.dtype == "qint8":
            return rebuild_qtensor, arguments + (self.quantizer, False, collections.OrderedDict())
        if self.wrap == "v3":
            self.storage.untyped = True
            return rebuild_tensor_v3, arguments + (False, collections.OrderedDict(), float32) + self.bits()
        if self.wrap == "sparse":
            return rebuild_sparse, ("torch.sparse_coo", (Tensor(self.storage, self.shape), self.shape))
        if self.wrap == "parameter":
            return rebuild_parameter, (Tensor(self.storage, self.shape, self.strides, self.offset), True,
                                       collections.OrderedDict())
        return rebuild_tensor, arguments + (False, collections.OrderedDict()) + self.bits()

    def bits(self):
        return () if self.metadata is None else (self.metadata,)


def contiguous(shape):
    strides, step = [], 1
    for size in reversed(shape):
        strides.insert(0, step)
        step *= size
    return tuple(strides)


def product(shape):
    result = 1
    for size in shape:
        result *= size
    return result


# ---------------------------------------------------------------------------------------------------------------------
# Models: names and shapes, in the order of the state dicts.
# ---------------------------------------------------------------------------------------------------------------------

WIDTH, HIDDEN, DEPTH, PATCH, SIDE, CLASSES = 8, 16, 2, 4, 8, 3


def linear(name, rows, columns):
    return [(name + ".weight", (rows, columns)), (name + ".bias", (rows,))]


def norm(name, width=WIDTH):
    return [(name + ".weight", (width,)), (name + ".bias", (width,))]


RANK = 3


def pair(prefix, left, right, bias, out, width):
    return [(prefix + left, (out, RANK)), (prefix + right, (RANK, width)), (prefix + bias, (out,))]


def own_pair(name, out, width):
    return pair(name, ".left.weight", ".right.weight", ".left.bias", out, width)


def timm(depth=DEPTH, class_token=True, positions=None, patch_bias=True, qkv_bias=True, pre_norm=False, fc_norm=False,
         head=True, layer_scale=False, factors=False, extra_tokens=()):
    patches = (SIDE // PATCH)**2
    shapes = [("cls_token", (1, 1, WIDTH))] if class_token else []
    shapes += [("pos_embed", (1, positions or patches + class_token, WIDTH)),
               ("patch_embed.proj.weight", (WIDTH, 3, PATCH, PATCH))]
    shapes += [("patch_embed.proj.bias", (WIDTH,))] if patch_bias else []
    shapes += norm("norm_pre") if pre_norm else []
    for i in range(depth):
        block = "blocks.%d." % i
        shapes += norm(block + "norm1")
        shapes += linear(block + "attn.qkv", 3 * WIDTH, WIDTH)[:None if qkv_bias else 1]
        scaled = own_pair if factors else linear  # the layers that LayerScale multiplies
        shapes += scaled(block + "attn.proj", WIDTH, WIDTH)
        shapes += norm(block + "norm2")
        shapes += linear(block + "mlp.fc1", HIDDEN, WIDTH) + scaled(block + "mlp.fc2", WIDTH, HIDDEN)
    shapes += norm("fc_norm" if fc_norm else "norm") + (linear("head", CLASSES, WIDTH) if head else [])
    shapes += [("blocks.%d.ls%d.gamma" % (i, k), (WIDTH,)) for i in range(depth) for k in (1, 2) if layer_scale]
    return shapes + [(name, (1, 1, WIDTH)) for name in extra_tokens]


def reference(factors=False, dense=True):
    pixels = 3 * PATCH * PATCH
    shapes = [("cls", (1, 1, WIDTH)), ("pos", (1, (SIDE // PATCH)**2 + 1, WIDTH))]
    shapes += norm("lp_src.1", pixels) + linear("lp_src.2", WIDTH, pixels) + norm("lp_src.3")
    for i in range(DEPTH):
        block = "blocks.%d." % i
        if factors:
            for name in ("q", "k", "v", "out"):
                shapes += pair(block + "sa.", "U_" + name, "V_%sT" % name, "bias_" + name, WIDTH, WIDTH)
            shapes += pair(block, "U_ffn_0", "V_ffn_0", "bias_ffn_0", HIDDEN, WIDTH)
            shapes += pair(block, "U_ffn_1", "V_ffn_1", "bias_ffn_1", WIDTH, HIDDEN)
        if dense:
            for name in ("Q", "K", "V", "Out"):
                shapes += linear(block + "sa." + name, WIDTH, WIDTH)
            shapes += linear(block + "ffn.0", HIDDEN, WIDTH) + linear(block + "ffn.2", WIDTH, HIDDEN)
        shapes += norm(block + "ln1")
        shapes += norm(block + "ln2")
    return shapes + linear("cl", CLASSES, WIDTH)


# Variants of --family=reference: the reference project's checkpoints of SVD factors.
FACTORS = {"factors": dict(factors=True, dense=False), "factors-and-dense": dict(factors=True)}

# Variants of the architecture, for --family=timm.
ARCHITECTURES = {
    "no-class-token": dict(class_token=False),
    "position-of-patches": dict(positions=4),
    "no-qkv-bias": dict(qkv_bias=False),
    "norm-pre": dict(pre_norm=True),
    "clip": dict(pre_norm=True, patch_bias=False),
    "fc-norm": dict(fc_norm=True),
    "headless": dict(head=False),
    "no-blocks": dict(depth=0),
    "deep": dict(depth=12),
    "layer-scale": dict(layer_scale=True),
    "layer-scale-folded": dict(layer_scale=True),
    "quantized-layer-scale": dict(layer_scale=True),
    "layer-scale-factors": dict(layer_scale=True, factors=True),
    "layer-scale-factors-folded": dict(layer_scale=True, factors=True),
    "register-token": dict(extra_tokens=["reg_token"]),
    "distillation-token": dict(extra_tokens=["dist_token"]),
}


def make_tensors(shapes, variant):
    """Returns an ordered dict of tensors, with the same values for all variants of storage."""
    numbers = random.Random(1)
    dtype = variant if variant in ("f16", "bf16", "f64") else "f32"
    shared, places = [], []
    tensors = collections.OrderedDict()
    for name, shape in shapes:
        values = [numbers.randrange(-60, 61) / 32 for _ in range(product(shape))]
        if variant == "shared":
            places.append((name, shape, len(shared)))
            shared += values
        elif variant == "transposed" and len(shape) == 2:
            rows, columns = shape
            stored = [values[row * columns + column] for column in range(columns) for row in range(rows)]
            tensors[name] = Tensor(Storage(stored), shape, (1, rows))
        elif variant in ("constant", "constant-expanded"):  # one element for each tensor
            values = [values[0]] * len(values) if variant == "constant" else values[:1]
            strides = (0,) * len(shape) if variant == "constant-expanded" else None
            tensors[name] = Tensor(Storage(values), shape, strides)
        elif variant in ("negated", "negated-v3"):
            tensors[name] = Tensor(Storage([-value for value in values]), shape, wrap="v3" if "v3" in variant else None)
            tensors[name].metadata = {"conj": False, "neg": True}
        else:
            wrap = variant if variant in ("parameter", "v3") else None
            tensors[name] = Tensor(Storage(values, dtype), shape, wrap=wrap)
    storage = Storage(shared)
    for name, shape, offset in places:
        tensors[name] = Tensor(storage, shape, offset=offset)
    return tensors


def floats(tensor):
    return struct.unpack("<%df" % tensor.storage.count, tensor.storage.data)


def quantize(tensors, per_channel):
    """Quantizes the linear layers to qint8 weights, like torch.quantization.quantize_dynamic."""
    result = collections.OrderedDict()
    for name, tensor in tensors.items():
        layer, _, part = name.rpartition(".")
        if part == "bias" and layer + ".weight" in tensors and len(tensors[layer + ".weight"].shape) == 2:
            continue
        if part != "weight" or len(tensor.shape) != 2:
            result[name] = tensor
            continue
        (rows, columns), values = tensor.shape, floats(tensor)
        groups = [values[row * columns:(row + 1) * columns] for row in range(rows)] if per_channel else [values]
        scales = [max(map(abs, group)) / 127 or 1.0 for group in groups]
        integers = [round(value / scale) for group, scale in zip(groups, scales) for value in group]
        quantizer = (per_tensor_affine, scales[0], 0)
        if per_channel:
            quantizer = (per_channel_affine, Tensor(Storage(scales, "f64"), (rows,)),
                         Tensor(Storage([0] * rows, "i64"), (rows,)), 0)
        result[layer + ".scale"] = Tensor(Storage([1.0]), ())
        result[layer + ".zero_point"] = Tensor(Storage([0], "i64"), ())
        result[layer + "._packed_params.dtype"] = qint8
        result[layer + "._packed_params._packed_params"] = (
            Tensor(Storage(integers, "qint8"), tensor.shape, quantizer=quantizer),
            Tensor(tensors[layer + ".bias"].storage, (rows,), wrap="parameter"))
    return result


def fold_layer_scale(tensors):
    """Removes the factors of LayerScale and multiplies the layers before them instead."""
    for name in [name for name in tensors if name.endswith(".gamma")]:
        factors = floats(tensors.pop(name))
        block, kind = name.split(".ls")
        layer = block + (".attn.proj" if kind.startswith("1") else ".mlp.fc2")
        if layer + ".weight" not in tensors:
            layer += ".left"
        for part in (layer + ".weight", layer + ".bias"):
            values = floats(tensors[part])
            row = len(values) // len(factors)
            values = [value * factors[index // row] for index, value in enumerate(values)]
            tensors[part] = Tensor(Storage(values), tensors[part].shape)


def make_module(tensors):
    """Returns nested modules whose state dict is `tensors`, as torch.save(model) pickles them."""

    def fresh():
        result = Module()
        result.__dict__ = {"training": False, "_parameters": collections.OrderedDict(),
                           "_buffers": collections.OrderedDict(), "_non_persistent_buffers_set": {"scratch"},
                           "_modules": collections.OrderedDict()}
        return result

    root = fresh()
    root._buffers["scratch"] = Tensor(Storage([1.0]), (1,))
    for name, tensor in tensors.items():
        *path, leaf = name.split(".")
        place = root
        for part in path:
            place = place._modules.setdefault(part, fresh())
        if leaf == "_packed_params":  # of a quantized layer
            place.__dict__[leaf] = ScriptObject()
            place.__dict__[leaf].state = (tensor, "__torch__.torch.classes.quantized.LinearPackedParamsBase")
        elif leaf in ("scale", "zero_point", "dtype"):
            place.__dict__[leaf] = 1
        else:
            tensor.wrap = "parameter"
            place._parameters[leaf] = tensor
    return root


def make_script(tensors):
    """Returns nested objects whose attributes are `tensors`, as TorchScript pickles a module."""
    root = ScriptModule()
    for name, tensor in tensors.items():
        *path, leaf = name.split(".")
        place = root
        for part in path:
            place = place.__dict__.setdefault(part, ScriptModule())
        place.__dict__[leaf] = tensor
    return root


# Source code of TorchScript that writes a file when it is loaded and run.
HOSTILE_SCRIPT = b"""class VisionTransformer(Module):
  def forward(self: __torch__.VisionTransformer, x: Tensor) -> Tensor:
    return torch.from_file("hostile-was-here", True, 4)
  def __setstate__(self: __torch__.VisionTransformer, state: Tensor) -> NoneType:
    _0 = torch.from_file("hostile-was-here", True, 4)
"""

# ---------------------------------------------------------------------------------------------------------------------
# Files.
# ---------------------------------------------------------------------------------------------------------------------


class Pickler(pickle._Pickler):  # the pickler written in Python supports our stand-ins in every version of Python

    def __init__(self, stream, protocol, is_legacy=False):
        super().__init__(stream, protocol)
        self.storages, self.is_legacy, self.classes = [], is_legacy, set()
        self.part = None  # what the legacy format says about storages that are parts of others

    def persistent_id(self, value):
        if self.is_legacy and value is Module and value not in self.classes:
            self.classes.add(value)
            return ("module", value, "models.py", "class VisionTransformer(Module): pass")
        if not isinstance(value, Storage):
            return None
        if value.key is None:
            value.key = str(len(self.storages))
            self.storages.append(value)
        count = len(value.data) if value.untyped else value.count
        name = "untyped" if value.untyped else value.dtype
        return ("storage", storage_types[name], value.key, "cpu", count) + ((self.part,) if self.is_legacy else ())


def torch_entries(root, protocol=2):
    """Returns the entries of torch.save(root) in order, as a list of (name, bytes)."""
    stream = io.BytesIO()
    pickler = Pickler(stream, protocol)
    pickler.dump(root)
    entries = [("data.pkl", stream.getvalue()), ("byteorder", b"little")]
    entries += [("data/" + storage.key, storage.data) for storage in pickler.storages]
    return entries + [("version", b"3\n")]


def legacy_bytes(root, defect=None, protocol=2):
    """Returns what torch.save wrote before PyTorch 1.6: pickles, then the storages."""
    stream = io.BytesIO()
    pickler = Pickler(stream, protocol, is_legacy=True)
    pickler.part = ("7", 0, 1) if defect == "legacy-part" else None
    pickler.dump(root)
    storages = pickler.storages
    machine = {"protocol_version": 1001, "little_endian": defect != "legacy-big-endian",
               "type_sizes": {"short": 2, "int": 4, "long": 4}}
    magic = 5 if defect == "legacy-magic" else 0x1950a86a20f9469cfc6c
    version = 1002 if defect == "legacy-version" else 1001
    keys = [storage.key for storage in storages]
    if defect == "legacy-missing-key":
        keys.pop()
    elif defect == "legacy-unknown-key":
        keys.append("x")
    elif defect == "legacy-repeated-key":
        keys[1] = keys[0]
    elif defect == "legacy-keys":
        keys = {"0": 1}
    structure = stream.getvalue()
    if defect in BAD_PICKLES:
        structure = BAD_PICKLES[defect](structure)
    result = b"".join(pickle.dumps(value, protocol) for value in (magic, version, machine))
    result += structure + pickle.dumps(keys, protocol)
    for index, storage in enumerate(storages):
        count = storage.count + 1 if defect == "legacy-count" and index == 3 else storage.count
        result += struct.pack("<q", count) + storage.data
    return result[:-1] if defect == "legacy-truncated" else result


def zip_bytes(entries, compressed=""):
    """Returns an archive of the entries. Only the entry named `compressed` is compressed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in entries:
            method = zipfile.ZIP_DEFLATED if name == compressed else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo("archive/" + name), data, method)
    return stream.getvalue()


def safetensors_bytes(tensors, metadata=None):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = {"vitya": json.dumps(metadata)}
    for name, tensor in tensors.items():
        raw = tensor.storage.data
        header[name] = {"dtype": tensor.storage.dtype.upper(), "shape": tensor.shape,
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


SETTINGS = {"heads": 2, "eps": 1e-6, "mean": [0.5, 0.25, 0.125], "std": [0.25, 0.5, 1.0],
            "classes": ["ant", "bee", "cow"]}


def replace(entries, name, data):
    return [(key, data if key == name else value) for key, value in entries]


def hostile_pickle():
    """Returns a pickle that would run a shell command in Python's unpickler."""

    class Command:

        def __reduce__(self):
            import os
            return os.system, ("touch hostile-was-here",)

    return pickle.dumps({"state_dict": Command()}, 2)


def deep_pickle(opcode):
    """Returns a pickle of containers that are nested too deeply for a recursive reader."""
    depth = 30000
    if opcode == "list":
        return b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b"."
    # A dict whose only key "k" holds the next.
    return b"\x80\x02" + b"}X\x01\x00\x00\x00k" * depth + b"}" + b"s" * depth + b"."


# Pickles that are truncated or misuse the pickle machine, by the name of the defect.
BAD_PICKLES = {
    "pickle-truncated": lambda good: good[:len(good) // 2],
    "pickle-empty": lambda good: b"",
    "pickle-opcode": lambda good: b"\x80\x02\xff.",
    "pickle-underflow": lambda good: b"\x80\x02\x85.",
    "pickle-no-mark": lambda good: b"\x80\x02Nt.",
    "pickle-no-memo": lambda good: b"\x80\x02h\x07.",
    "pickle-long-string": lambda good: b"\x80\x02X\xff\xff\xff\xffabc.",
    "pickle-huge-string": lambda good: b"\x80\x04\x8d" + b"\xff" * 8 + b"abc.",
    "pickle-odd-dict": lambda good: b"\x80\x02}(Nu.",
    "pickle-append-to-none": lambda good: b"\x80\x02NNa.",
    "pickle-set-none": lambda good: b"\x80\x02NK\x00K\x01s.",
    "pickle-set-list": lambda good: b"\x80\x02]K\x00K\x01s.",
    "pickle-set-tuple": lambda good: b"\x80\x02)(K\x00K\x01u.",
    "pickle-set-tensor": lambda good: b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\n"
    b"FloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x08tQK\x00K\x08\x85K\x01\x85\x89NtRK\x00K\x01s.",
    "pickle-set-storage": lambda good: b"\x80\x02(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000"
    b"X\x03\x00\x00\x00cpuK\x08tQK\x00K\x01s.",
    "pickle-self": lambda good: b"\x80\x02}q\x00X\x01\x00\x00\x00kh\x00s.",
    "pickle-hostile": lambda good: hostile_pickle(),
    "pickle-deep-list": lambda good: deep_pickle("list"),
    "pickle-deep-dict": lambda good: deep_pickle("dict"),
    "pickle-number": lambda good: b"\x80\x02K\x05.",
    "pickle-bad-storage": lambda good: b"\x80\x02K\x05\x85Q.",
    "pickle-bad-tensor": lambda good: b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.",
    # A list of 1,000 items copied into dicts over and over.
    "pickle-amplified": lambda good: b"\x80\x02ccollections\nOrderedDict\nq\x00}q\x02(" + b"NN" * 1000 +
    b"uh\x02\x85q\x01" + b"h\x00h\x01R0" * 20000 + b"N.",
    # A million empty lists, tensors of 20,000 dimensions, and globals with a long name, over and over.
    "pickle-many-values": lambda good: b"\x80\x02" + b"]" * 1000000 + b".",
    "pickle-large-shapes": lambda good: b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nq\x00((X\x07\x00\x00\x00storage"
    b"ctorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x08tQK\x00(" + b"K\x01" * 20000 +
    b"tq\x01h\x01\x89Ntq\x02" + b"h\x00h\x02R" * 20000 + b".",
    "pickle-long-globals": lambda good: b"\x80\x04X\xa0\x86\x01\x00" + b"a" * 100000 + b"q\x00" +
    b"h\x00h\x00\x93" * 20000 + b".",
}


def damage_tensor(defect, tensors):
    """Changes one tensor of the state dict. Returns whether `defect` is a defect of a tensor."""
    name = "head.weight" if "head.weight" in tensors else "cl.weight"
    tensor = tensors[name]
    if defect == "offset-overflow":
        tensor.offset = 2**63 - 1
    elif defect == "offset-negative":
        tensor.offset = -1
    elif defect == "offset-past-end":
        tensor.offset = 1
    elif defect == "shape-overflow":
        tensor.shape, tensor.strides = (2**40, 2**40), (2**40, 1)
    elif defect == "shape-negative":
        tensor.shape = (-3, WIDTH)
    elif defect == "shape-big-integer":
        tensor.shape = (2**80, WIDTH)
    elif defect == "stride-overflow":
        tensor.strides = (2**62, 2**62)
    elif defect == "stride-past-end":
        tensor.strides = (WIDTH + 1, 1)
    elif defect == "stride-zero":  # a view of 2^40 elements of one stored element
        tensor.shape, tensor.strides = (2**20, 2**20), (0, 0)
    elif defect == "sparse":  # under a name that is optional in the layout
        tensors["blocks.0.attn.qkv.bias"].wrap = "sparse"
    elif defect == "metadata":
        tensor.metadata = {"twist": True}
    elif defect == "metadata-kind":
        tensor.metadata = 5
    elif defect == "strides-too-few":
        tensor.strides = (1,)
    elif defect == "wrong-shape":
        tensors[name] = Tensor(Storage([0.0] * (CLASSES * (WIDTH + 1))), (CLASSES, WIDTH + 1))
    elif defect == "wrong-bias":
        tensors["head.bias"] = Tensor(Storage([0.0] * (CLASSES + 1)), (CLASSES + 1,))
    elif defect == "wrong-position":
        tensors["pos_embed"] = Tensor(Storage([0.0] * (7 * WIDTH)), (1, 7, WIDTH))
    elif defect in ("nan", "inf"):
        tensor.storage.data = tensor.storage.data[:20] + struct.pack("<f", float(defect)) + tensor.storage.data[24:]
    elif defect == "integer":
        tensors[name] = Tensor(Storage([1] * (CLASSES * WIDTH), "i64"), (CLASSES, WIDTH))
    elif defect == "quantized":
        tensors[name] = Tensor(Storage([1] * (CLASSES * WIDTH), "qint8"), (CLASSES, WIDTH),
                               quantizer=(per_tensor_affine, 0.5, 0))
    elif defect == "quantized-norm":
        tensors["norm.weight"] = Tensor(Storage([1] * WIDTH, "qint8"), (WIDTH,), quantizer=(per_tensor_affine, 0.5, 0))
    elif defect in ("quantized-scale", "quantized-zero-point"):
        quantizer = (per_tensor_affine, 1e-40, 0) if defect == "quantized-scale" else (per_tensor_affine, 0.5, 3)
        tensors[name] = Tensor(Storage([1] * (CLASSES * WIDTH), "qint8"), (CLASSES, WIDTH), quantizer=quantizer)
    elif defect == "missing":
        del tensors["blocks.1.norm2.bias"]
    elif defect == "extra":
        tensors["blocks.1.ls1.gamma"] = Tensor(Storage([1.0] * WIDTH), (WIDTH,))
    elif defect == "mask-token":  # valid for layouts that ignore it
        tensors["mask_token"] = Tensor(Storage([1.0] * WIDTH), (1, WIDTH))
    elif defect == "name":  # a line break and the start of a terminal escape sequence
        tensors["two\nlines\x1b["] = Tensor(Storage([1.0] * WIDTH), (WIDTH,))
    elif defect == "gap":
        for key in [key for key in tensors if key.startswith("blocks.0.")]:
            tensors["blocks.2." + key[9:]] = tensors.pop(key)
    else:
        return False
    return True


def wrap_names(tensors):
    """Returns the tensors with the names that several wrappers of PyTorch give them, around the model and inside it."""
    return collections.OrderedDict(
        ("_orig_mod.module." + key.replace("blocks.0.", "blocks.0._checkpoint_wrapped_module.").replace(
            "blocks.1.", "_fsdp_wrapped_module.blocks.1._orig_mod._fsdp_wrapped_module."), value)
        for key, value in tensors.items())


def wrap(tensors, variant, settings):
    """Returns the object that torch.save would be called with."""
    if variant == "bare":
        return tensors
    if variant == "script":
        return make_script(tensors)
    if variant == "two":
        return {"student": tensors, "teacher": {"model": dict(tensors)}, "epoch": 3}
    if variant == "averages":  # a model, the averages of its weights, and a metric, which is no model
        others = {name: Tensor(Storage([0.0] * tensor.storage.count), tensor.shape) for name, tensor in tensors.items()}
        return {"model": others, "model_ema": {"module." + name: tensor for name, tensor in tensors.items()},
                "callbacks": {"best": Tensor(Storage([0.5]), ())}}
    if variant == "parts":  # two state dicts of which neither is the one to evaluate
        return {"encoder": tensors, "decoder": dict(tensors)}
    if variant == "nested":
        step = Tensor(Storage([1.0]), ())
        return {"epoch": 7, "checkpoint": {"weights": tensors}, "rng": Tensor(Storage([1, 2], "u8"), (2,)),
                "loss": Tensor(Storage([0.5]), ()), "optimizer": {"state": {0: {"step": step}}, "param_groups": []},
                "vitya": settings}
    if variant in ("module", "quantized-module", "legacy-module"):
        return {"model": make_module(tensors), "vitya": settings}
    if variant == "averaged":
        counter = Tensor(Storage([5], "i64"), ())
        return {"state_dict": collections.OrderedDict([("n_averaged", counter)] + [
            ("module." + key, value) for key, value in tensors.items()]), "vitya": settings}
    if variant == "part":  # of a larger model, such as Lightning's, whose other parts are not inference
        others = [("model.counter", Tensor(Storage([1.0]), (1,))), ("criterion.weight", Tensor(Storage([1.0]), (1,)))]
        return {"state_dict": collections.OrderedDict([("model.net." + key, value) for key, value in tensors.items()] +
                                                      others), "vitya": settings}
    if variant == "wrapped":
        return {"state_dict": wrap_names(tensors), "vitya": settings}
    if variant == "wrapped-twice":
        return {"state_dict": collections.OrderedDict(list(tensors.items()) + [
            ("module." + key, value) for key, value in tensors.items()]), "vitya": settings}
    if variant == "data-parallel":
        return {"state_dict": collections.OrderedDict(("module." + key, value) for key, value in tensors.items()),
                "vitya": settings}
    return {"state_dict": tensors, "vitya": settings}


def make(family, variant, defect, settings):
    shapes = reference(**FACTORS.get(variant, {})) if family == "reference" else timm(**ARCHITECTURES.get(variant, {}))
    tensors = make_tensors(shapes, variant)
    if variant in ("quantized", "quantized-per-channel", "quantized-module", "quantized-layer-scale"):
        tensors = quantize(tensors, variant == "quantized-per-channel")
    if variant in ("layer-scale-folded", "layer-scale-factors-folded"):
        fold_layer_scale(tensors)
    settings = {key: value for key, value in {**SETTINGS, **settings}.items() if value is not None}
    if defect == "setting":
        settings["hades"] = 2
    elif defect == "heads":
        settings["heads"] = 3
    elif defect == "classes":
        settings["classes"] = ["ant", "bee"]
    is_tensor_defect = defect and damage_tensor(defect, tensors)

    if variant == "text":
        lines = []
        for name, tensor in tensors.items():
            values = floats(tensor)
            lines.append(" ".join([name, ",".join(map(str, tensor.shape))] + [repr(value) for value in values]))
        return "\n".join(lines + [""]).encode()
    if variant == "safetensors-wrapped":
        return safetensors_bytes(wrap_names(tensors), settings)
    if variant == "safetensors-averaged":
        averaged = {"module." + key: value for key, value in tensors.items()}
        return safetensors_bytes({"n_averaged": Tensor(Storage([5], "i64"), ()), **averaged}, settings)
    if variant == "safetensors":
        good = safetensors_bytes(tensors, settings)
        if defect == "truncated":
            return good[:-8]
        if defect == "header-length":
            return struct.pack("<Q", 2**63) + good[8:]
        if defect == "header-json":
            return good[:9] + b"!" + good[10:]
        if defect == "header-offsets":
            return good.replace(b'"data_offsets": [0, ', b'"data_offsets": [9, ', 1)
        return good

    if variant in ("legacy", "legacy-module", "legacy-protocol4"):
        return legacy_bytes(wrap(tensors, variant, settings), defect, 4 if variant == "legacy-protocol4" else 2)
    entries = torch_entries(wrap(tensors, variant, settings), 4 if variant == "protocol4" else 2)
    if defect in BAD_PICKLES:
        entries = replace(entries, "data.pkl", BAD_PICKLES[defect](entries[0][1]))
    elif defect == "short-record":
        key, data = entries[-2]
        entries = replace(entries, key, data[:-1])
    elif defect == "long-record":
        key, data = entries[-2]
        entries = replace(entries, key, data + b"\0" * 4)
    elif defect == "no-record":
        del entries[-2]
    elif defect == "no-pickle":
        del entries[0]
    elif defect == "big-endian":
        entries = replace(entries, "byteorder", b"big")
    elif defect == "duplicate":
        import warnings
        warnings.simplefilter("ignore")
        entries.append(entries[2])
    # Entries that the reader ignores may be compressed, like TorchScript's source code.
    entries.append(("code/model.py", HOSTILE_SCRIPT))
    if variant == "script":
        entries.append(("constants.pkl", b"\x80\x02)."))
    archive = zip_bytes(entries, {"compressed": "data.pkl", "compressed-record": "data/3"}.get(defect, "code/model.py"))
    if defect == "truncated":
        return archive[:len(archive) // 2]
    if defect == "record-size":  # the directory states a larger size than the file has
        place = archive.index(b"PK\x01\x02")
        return archive[:place + 20] + struct.pack("<II", 2**31, 2**31) + archive[place + 28:]
    if defect == "no-bytes-stored":
        place = archive.index(b"PK\x01\x02")
        return archive[:place + 20] + struct.pack("<I", 0) + archive[place + 24:]
    if defect == "encrypted":
        place = archive.index(b"PK\x01\x02")
        return archive[:place + 8] + b"\x01" + archive[place + 9:]
    if defect == "text":
        return b"This is not a checkpoint.\n"
    if defect == "empty":
        return b""
    known = ("setting", "heads", "classes", "short-record", "long-record", "no-record", "no-pickle", "big-endian", "duplicate",
             "compressed", "compressed-record", "no-bytes-stored")
    if defect and not is_tensor_defect and defect not in BAD_PICKLES and defect not in known:
        sys.exit("make_checkpoint.py: unknown defect '%s'" % defect)
    return archive


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--family", default="timm", choices=["timm", "reference"])
    parser.add_argument("--variant", default="plain", choices=["plain", "bare", "two", "nested", "module",
                                                               "data-parallel", "f16", "bf16", "f64", "transposed",
                                                               "shared", "parameter", "v3", "protocol4",
                                                               "safetensors", "text", "quantized", "constant",
                                                               "constant-expanded", "negated", "negated-v3",
                                                               "averaged", "part", "wrapped", "wrapped-twice",
                                                               "safetensors-wrapped", "safetensors-averaged",
                                                               "legacy", "legacy-module", "legacy-protocol4",
                                                               "averages", "parts", "script",
                                                               "quantized-per-channel", "quantized-module"] + sorted(FACTORS) +
                        sorted(ARCHITECTURES))
    parser.add_argument("--defect")
    parser.add_argument("--setting", action="append", default=[], help="KEY=JSON of the file's 'vitya' entry; null leaves the key out")
    arguments = parser.parse_args()
    settings = {key: json.loads(value) for key, value in (item.split("=", 1) for item in arguments.setting)}
    with open(arguments.file, "wb") as file:
        file.write(make(arguments.family, arguments.variant, arguments.defect, settings))


if __name__ == "__main__":
    main()
