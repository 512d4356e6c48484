"""The allocation of MLoRQ (arXiv 2507.09616), for comparison: ranks and bits of layers under a bound on bytes.

Our own implementation of its two stages. Within a layer, candidates are all combinations of bits, and of ranks with bits of
both factors; the SVD and the errors are weighted by a Hessian that needs no labels, E_v[(d(v y)/dW)^2] for Gaussian v and
the logits y, and those that another one beats in bytes and error are dropped. Between layers, the score of a candidate is the squared
change of the logits, relative to their square, with this layer alone compressed. For each pair of bits it is measured at
a few ranks and interpolated linearly in the error of the layer. An integer program minimises the sum of the scores. The
rounding that MLoRQ learns afterwards is no part of the allocation. Requires PyTorch and SciPy.
"""
import itertools
import math

import numpy
import scipy.optimize
import torch
from torch.nn import functional

RECORD = 3073  # bytes: the class, then 3 * 32 * 32 pixels
BITS = (4, 8)
MEASURED_RANKS = 5  # for each pair of bits
HESSIAN_IMAGES, HESSIAN_DRAWS = 32, 50
RANK_STEP = 16  # as our own allocation


class Model:
    """A checkpoint of tools/demo with the layout of timm's ViT or of the reference project."""

    def __init__(self, path):
        content = torch.load(path, weights_only=True)
        self.settings = content["vitya"]
        self.tensors = {name: value.float() for name, value in content["state_dict"].items()}
        self.is_reference = "cls" in self.tensors
        blocks = 1 + max(int(name.split(".")[1]) for name in self.tensors if name.startswith("blocks."))
        self.blocks = [f"blocks.{i}" for i in range(blocks)]
        parts = (("sa.Q", "sa.K", "sa.V", "sa.Out", "ffn.0", "ffn.2") if self.is_reference else
                 ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"))
        # The names of linear layers; the first and the last keep their rank.
        self.layers = [f"{block}.{part}" for block in self.blocks for part in parts]
        self.dense_layers = ["lp_src.2", "cl"] if self.is_reference else ["patch_embed.proj", "head"]
        embedding = f"{self.dense_layers[0]}.weight"
        self.tensors[embedding] = self.tensors[embedding].flatten(1)

    def weight(self, name):
        return self.tensors[f"{name}.weight"]

    def images(self, path, count):
        with open(path, "rb") as file:
            data = file.read(count * RECORD)
        pixels = torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(-1, RECORD)[:, 1:].reshape(-1, 3, 32, 32)
        mean, std = (torch.tensor(self.settings[name]).reshape(3, 1, 1) for name in ("mean", "std"))
        return (pixels / 255 - mean) / std

    def linear(self, name, x, weights):
        return functional.linear(x, weights.get(name, self.weight(name)), self.tensors[f"{name}.bias"])

    def norm(self, name, x):
        return functional.layer_norm(x, x.shape[-1:], self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"],
                                     self.settings["eps"])

    def attention(self, query, key, value):
        heads = self.settings["heads"]
        split = (each.unflatten(-1, (heads, -1)).transpose(1, 2) for each in (query, key, value))
        return functional.scaled_dot_product_attention(*split).transpose(1, 2).flatten(2)

    def logits(self, images, weights):
        """Returns the logits with the weights of some layers replaced by those in `weights`."""
        linear = lambda name, x: self.linear(name, x, weights)
        if self.is_reference:
            patches = images.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)
            x = self.norm("lp_src.3", linear("lp_src.2", self.norm("lp_src.1", patches)))
            x = torch.cat([self.tensors["cls"].expand(len(x), -1, -1), x], 1) + self.tensors["pos"]
            for block in self.blocks:
                mixed = self.attention(*(linear(f"{block}.sa.{part}", x) for part in "QKV"))
                x = linear(f"{block}.sa.Out", mixed)
                x = x + self.norm(f"{block}.ln1", x)
                hidden = functional.gelu(linear(f"{block}.ffn.0", x))
                x = x + self.norm(f"{block}.ln2", linear(f"{block}.ffn.2", hidden))
            return linear("cl", x[:, 0])
        patches = functional.unfold(images, 4, stride=4).transpose(1, 2)
        x = linear("patch_embed.proj", patches)
        x = torch.cat([self.tensors["cls_token"].expand(len(x), -1, -1), x], 1) + self.tensors["pos_embed"]
        for block in self.blocks:
            mixed = self.attention(*linear(f"{block}.attn.qkv", self.norm(f"{block}.norm1", x)).chunk(3, -1))
            x = x + linear(f"{block}.attn.proj", mixed)
            hidden = functional.gelu(linear(f"{block}.mlp.fc1", self.norm(f"{block}.norm2", x)))
            x = x + linear(f"{block}.mlp.fc2", hidden)
        return linear("head", self.norm("norm", x)[:, 0])


def rounded(weight, bits, importance):
    """Rounds to the nearest levels, with the scale of each row that has the least weighted error."""
    largest = 2 ** (bits - 1) - 1
    best = best_error = None
    for factor in numpy.arange(1, 0.49, -0.05):
        scale = (weight.abs().amax(1, keepdim=True) * factor / largest).clamp_min(1e-12)
        values = (weight / scale).round().clamp(-largest, largest) * scale
        error = ((values - weight) ** 2 * importance).sum(1, keepdim=True)
        if best is None:
            best, best_error = values, error
        best = torch.where(error < best_error, values, best)
        best_error = torch.minimum(error, best_error)
    return best


def weight_bytes(rows, columns, bits):
    padded = math.ceil(rows / 16) * 16
    return padded * columns * (0.5 if bits == 4 else 1) + 4 * padded


def hessians(model, images):
    """Returns the mean over images of E_v[(d(v y)/dW)^2] for each layer."""
    names = model.dense_layers + model.layers
    weights = {name: model.weight(name).clone().requires_grad_() for name in names}
    sums = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    generator = torch.Generator().manual_seed(1)
    for image in images[:HESSIAN_IMAGES].split(1):
        logits = model.logits(image, weights)
        for _ in range(HESSIAN_DRAWS):
            draw = torch.randn(logits.shape, generator=generator)
            gradients = torch.autograd.grad((draw * logits).sum(), list(weights.values()), retain_graph=True)
            for name, gradient in zip(names, gradients, strict=True):
                sums[name] += gradient**2
    return {name: total / HESSIAN_IMAGES / HESSIAN_DRAWS for name, total in sums.items()}


class Candidate:
    """A way to store a layer: `bits`, or `rank` with the bits of the left and of the right factor."""

    def __init__(self, weight, importance, rank, bits, size, values):
        self.rank, self.bits, self.bytes, self.values = rank, bits, size, values
        self.error = float(((values - weight) ** 2 * importance).sum())
        self.score = math.nan


def candidates_of(weight, importance, has_ranks):
    rows, columns = weight.shape
    result = []
    for bits in BITS:
        values = rounded(weight, bits, importance)
        result.append(Candidate(weight, importance, None, bits, weight_bytes(rows, columns, bits), values))
    if has_ranks:
        importance_of_rows = importance.mean(1, keepdim=True).sqrt().clamp_min(1e-12)
        u, s, v = torch.linalg.svd(importance_of_rows * weight, full_matrices=False)
        left, right = u * s.sqrt() / importance_of_rows, s.sqrt()[:, None] * v
        largest = math.ceil(rows * columns / (rows + columns)) - 1
        for rank in range(RANK_STEP, largest + 1, RANK_STEP):
            for left_bits, right_bits in itertools.product(BITS, BITS):
                a = rounded(left[:, :rank], left_bits, importance_of_rows**2)
                b = rounded(right[:rank], right_bits, torch.ones_like(right[:rank]))
                size = weight_bytes(rows, rank, left_bits) + weight_bytes(rank, columns, right_bits)
                result.append(Candidate(weight, importance, rank, (left_bits, right_bits), size, a @ b))
    return [each for each in result
            if not any(other.bytes <= each.bytes and other.error < each.error for other in result)]


def measure(model, name, candidates, images, expected):
    """Sets the scores of the candidates of the layer `name`."""

    def score(candidate):
        found = model.logits(images, {name: candidate.values})
        candidate.score = float(((found - expected) ** 2).sum() / (expected**2).sum())

    groups = itertools.groupby(sorted(candidates, key=lambda each: (str(each.bits), each.rank or 0)),
                               key=lambda each: each.bits)
    for bits, group in groups:
        group = list(group)
        if isinstance(bits, int):
            for each in group:
                score(each)
            continue
        count = min(MEASURED_RANKS, len(group))
        measured = sorted({round(i * (len(group) - 1) / max(count - 1, 1)) for i in range(count)})
        for index in measured:
            score(group[index])
        for low, high in zip(measured, measured[1:]):
            for each in group[low + 1:high]:
                span = group[low].error - group[high].error
                share = (each.error - group[high].error) / span if span else 0
                each.score = group[high].score + share * (group[low].score - group[high].score)


def allocate(path, images_path, count, budget):
    """Returns options for --low-rank and --quantize with which the matrices of the model have at most `budget` bytes."""
    model = Model(path)
    images = model.images(images_path, count)
    importances = hessians(model, images)
    layers = {}
    with torch.inference_mode():
        expected = model.logits(images, {})
        for name in model.dense_layers + model.layers:
            layers[name] = candidates_of(model.weight(name), importances[name], name in model.layers)
            measure(model, name, layers[name], images, expected)
    flat = [(name, each) for name, candidates in layers.items() for each in candidates]
    one_each = numpy.array([[float(name == layer) for name, _ in flat] for layer in layers])
    found = scipy.optimize.milp(
        c=numpy.array([each.score for _, each in flat]), integrality=numpy.ones(len(flat)),
        bounds=scipy.optimize.Bounds(0, 1),
        constraints=[scipy.optimize.LinearConstraint(one_each, 1, 1),
                     scipy.optimize.LinearConstraint(numpy.array([[each.bytes for _, each in flat]]), 0, budget)])
    if found.x is None:
        raise SystemExit(f"mlorq: expected a budget that candidates meet, found {budget}")
    ranks, bits = [], []
    for (name, each), chosen in zip(flat, found.x, strict=True):
        if chosen < 0.5:
            continue
        pattern = "^" + name.replace(".", "[.]")
        if each.rank is None:
            bits.append(f"{pattern}($|[.](q|k|v)$):{each.bits}")
            continue
        ranks.append(f"{name}:{each.rank}")
        bits += [f"{pattern}[.]left:{each.bits[0]}", f"{pattern}[.]right:{each.bits[1]}"]
    return ranks, bits
