#!/usr/bin/env python3
"""Writes the IR of a Vision Transformer with random weights to standard output, as of the end of phase `import`.

The architecture is the pre-norm ViT: patch embedding, class token, learned positions, blocks of attention and MLP, final
norm, head. Options set its sizes and variants. Weights are uniform and depend on --seed only. Norms, tokens and biases are
not trivial; --gain scales the weights of query and key so that the softmax is not flat. Standard library only.
"""

import argparse
import array
import random
import struct


def pair(text):
    """Parses '16' or '16x8' as (height, width)."""
    sizes = [int(size) for size in text.split("x")]
    return tuple(sizes) if len(sizes) == 2 else (sizes[0], sizes[0])


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    option = parser.add_argument
    option("--image", type=pair, default=(8, 8), help="height x width (default: 8)")
    option("--channels", type=int, default=3)
    option("--patch", type=pair, default=(4, 4), help="height x width (default: 4)")
    option("--order", default="channel_row_column", help="of the pixels in a patch (default: channel_row_column)")
    option("--width", type=int, default=32, help="width of a token")
    option("--depth", type=int, default=1, help="number of blocks")
    option("--heads", type=int, default=2)
    option("--head-width", type=int, help="width of a head's query and key (default: width / heads)")
    option("--value-width", type=int, help="width of a head's value (default: width / heads)")
    option("--hidden", type=int, help="hidden width of the MLP (default: 4 * width)")
    option("--classes", type=int, default=10)
    option("--gelu", choices=["erf", "tanh", "quick"], default="erf")
    option("--pool", choices=["token", "mean"], default="token", help="input of the head")
    option("--post-norm", action="store_true", help="norms after attention and MLP: x + norm(f(x))")
    option("--no-bias", action="store_true", help="linear layers without bias")
    option("--rank", type=int, help="replace every linear layer of a block by a pair of this rank")
    option("--gain", type=float, default=1.0, help="factor on the weights of query and key")
    option("--seed", type=int, default=1)
    return parser.parse_args()


def tensor(*shape):
    return "tensor<" + "".join(f"{size}x" for size in shape) + "f32>"


class Model:
    """The lines of @main and the weights that they reference."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.random = random.Random(arguments.seed)
        self.lines = []
        self.weights = {}
        self.values = 0

    def emit(self, text):
        """Appends an op with one result and returns the name of the result."""
        self.values += 1
        self.lines.append(f"    %{self.values} = {text}")
        return f"%{self.values}"

    def weight(self, name, *shape, scale=1.0, base=0.0):
        """Emits a constant with elements uniform in base ± scale."""
        count = 1
        for size in shape:
            count *= size
        self.weights[name] = array.array("f", (base + scale * (2 * self.random.random() - 1) for _ in range(count)))
        return self.emit(f"arith.constant dense_resource<{name}> : {tensor(*shape)}")

    def dense(self, name, x, rows, inside, outside, bias, gain=1.0):
        weight = self.weight(name + ".weight", outside, inside, scale=gain * (3.0 / inside) ** 0.5)
        types = f"{tensor(rows, inside)}, {tensor(outside, inside)}"
        operands = f"{x}, {weight}"
        if bias:
            operands += f" bias {self.weight(name + '.bias', outside, scale=0.2)}"
            types += f", {tensor(outside)}"
        return self.emit(f'vitya.linear "{name}" {operands} : {types} -> {tensor(rows, outside)}')

    def linear(self, name, x, rows, inside, outside, gain=1.0):
        """Emits a linear layer of a block: one op, or a pair if --rank is given."""
        bias, rank = not self.arguments.no_bias, self.arguments.rank
        if rank:
            x = self.dense(name + ".1", x, rows, inside, rank, bias=False, gain=gain)
            return self.dense(name + ".2", x, rows, rank, outside, bias)
        return self.dense(name, x, rows, inside, outside, bias, gain)

    def norm(self, name, x, rows, width):
        weight = self.weight(name + ".weight", width, scale=0.3, base=1.0)
        bias = self.weight(name + ".bias", width, scale=0.2)
        return self.emit(f'vitya.layer_norm "{name}" {x}, {weight}, {bias} eps 1.0e-6 '
                         f": {tensor(rows, width)}, {tensor(width)}, {tensor(width)} -> {tensor(rows, width)}")

    def add(self, x, y, rows, width):
        return self.emit(f"arith.addf {x}, {y} : {tensor(rows, width)}")

    def attention(self, name, x, rows):
        a = self.arguments
        query_width = a.heads * (a.head_width or a.width // a.heads)
        value_width = a.heads * (a.value_width or a.width // a.heads)
        query = self.linear(name + ".q", x, rows, a.width, query_width, a.gain)
        key = self.linear(name + ".k", x, rows, a.width, query_width, a.gain)
        value = self.linear(name + ".v", x, rows, a.width, value_width)
        mixed = self.emit(f'vitya.attention "{name}" {query}, {key}, {value} heads {a.heads} '
                          f"scale {(query_width // a.heads) ** -0.5:.9e} : {tensor(rows, query_width)}, "
                          f"{tensor(rows, query_width)}, {tensor(rows, value_width)} -> {tensor(rows, value_width)}")
        return self.linear(name + ".proj", mixed, rows, value_width, a.width)

    def mlp(self, name, x, rows):
        width, hidden = self.arguments.width, self.arguments.hidden or 4 * self.arguments.width
        x = self.linear(name + ".fc1", x, rows, width, hidden)
        x = self.emit(f"vitya.gelu {self.arguments.gelu} {x} : {tensor(rows, hidden)}")
        return self.linear(name + ".fc2", x, rows, hidden, width)

    def residual(self, block, norm, x, rows, layer):
        width = self.arguments.width
        if self.arguments.post_norm:
            return self.add(x, self.norm(norm, layer(block, x, rows), rows, width), rows, width)
        return self.add(x, layer(block, self.norm(norm, x, rows, width), rows), rows, width)

    def build(self):
        """Emits the whole model and returns its logits."""
        a = self.arguments
        image = tensor(a.channels, *a.image)
        x = self.emit(f"vitya.normalize %image mean {[0.5] * a.channels} std {[0.25] * a.channels} : {image}")
        rows = (a.image[0] // a.patch[0]) * (a.image[1] // a.patch[1])
        patch = a.channels * a.patch[0] * a.patch[1]
        x = self.emit(f"vitya.patchify {x} {list(a.patch)} {a.order} : {image} -> {tensor(rows, patch)}")
        x = self.dense("patch_embed.proj", x, rows, patch, a.width, bias=not a.no_bias)
        if a.pool == "token":
            token = self.weight("cls_token", 1, a.width)
            x = self.emit(f"tensor.concat dim(0) {token}, {x} "
                          f": ({tensor(1, a.width)}, {tensor(rows, a.width)}) -> {tensor(rows + 1, a.width)}")
            rows += 1
        x = self.add(x, self.weight("pos_embed", rows, a.width), rows, a.width)
        for i in range(a.depth):
            x = self.residual(f"blocks.{i}.attn", f"blocks.{i}.norm1", x, rows, self.attention)
            x = self.residual(f"blocks.{i}.mlp", f"blocks.{i}.norm2", x, rows, self.mlp)
        x = self.norm("norm", x, rows, a.width)
        if a.pool == "token":
            x = self.emit(f"tensor.extract_slice {x}[0, 0] [1, {a.width}] [1, 1] "
                          f": {tensor(rows, a.width)} to {tensor(1, a.width)}")
        else:
            x = self.emit(f"vitya.mean_pool {x} : {tensor(rows, a.width)} -> {tensor(1, a.width)}")
        return self.dense("head", x, 1, a.width, a.classes, bias=not a.no_bias)

    def write(self):
        a = self.arguments
        logits = self.build()
        classes = ", ".join(f'"class {i}"' for i in range(a.classes))
        shape = [a.channels, *a.image]
        print(f'module attributes {{vitya.model = #vitya.model<name = "random", image = {shape}, classes = [{classes}]>}} {{')
        print(f"  func.func @main(%image: {tensor(*shape)}) -> {tensor(1, a.classes)} {{")
        print("\n".join(self.lines))
        print(f"    return {logits} : {tensor(1, a.classes)}\n  }}\n}}")
        # A blob consists of its alignment, as a 32-bit little-endian integer, and its bytes.
        blobs = (f'      {name}: "0x{(struct.pack("<I", 64) + values.tobytes()).hex()}"'
                 for name, values in self.weights.items())
        print("{-#\n  dialect_resources: {\n    builtin: {")
        print(",\n".join(blobs))
        print("    }\n  }\n#-}")


Model(parse_arguments()).write()
