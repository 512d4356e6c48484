"""Prints a module with a stem of three convolutions of stride 2, a maximum pool and a head, with random weights."""
import numpy as np

random = np.random.default_rng(0)
NEWLINE = "\n    "
resources, ops = [], []


def constant(name, shape, scale):
    values = (random.standard_normal(shape) * scale).astype("<f4")
    kind = "x".join(map(str, shape)) + "xf32"
    resources.append(f'{name}: "0x04000000{values.tobytes().hex().upper()}"')
    ops.append(f"%{name} = arith.constant dense_resource<{name}> : tensor<{kind}>")
    return f"tensor<{kind}>"


side, channels, tokens = 32, 3, "%pixels"
for index, width in enumerate((16, 24, 5)):
    columns, half = 9 * channels, side // 2
    before, windows, after = (f"tensor<{rows}x{size}xf32>" for rows, size in (
        (side * side, channels), (half * half, columns), (half * half, width)))
    weight = constant(f"w{index}", (width, columns), (2 / columns) ** 0.5)
    bias = constant(f"b{index}", (width,), 0.1)
    ops += [f"%u{index} = vitya.unfold {tokens} grid [{side}, {side}] window [3, 3] stride [2, 2] padding [1, 1] : "
            f"{before} -> {windows}",
            f'%l{index} = vitya.linear "stem.{index}" %u{index}, %w{index} bias %b{index} : '
            f"{windows}, {weight}, {bias} -> {after}",
            f"%g{index} = vitya.gelu erf %l{index} : {after}"]
    side, channels, tokens = half, width, f"%g{index}"

weight = constant("head", (4, channels), 1)
print(f"""module attributes {{vitya.model = #vitya.model<name = "stem", image = [3, 32, 32], classes = ["0", "1", "2", "3"]>}} {{
  func.func @main(%image: tensor<3x32x32xf32>) -> tensor<1x4xf32> {{
    %pixels = vitya.patchify %image [1, 1] channel_row_column : tensor<3x32x32xf32> -> tensor<1024x3xf32>
    {NEWLINE.join(ops)}
    %pooled = vitya.max_pool {tokens} grid [4, 4] window [3, 3] stride [2, 2] padding [1, 1] : tensor<16x5xf32> -> tensor<4x5xf32>
    %mean = vitya.mean_pool %pooled : tensor<4x5xf32> -> tensor<1x5xf32>
    %logits = vitya.linear "head" %mean, %head : tensor<1x5xf32>, {weight} -> tensor<1x4xf32>
    return %logits : tensor<1x4xf32>
  }}
}}
{{-# dialect_resources: {{ builtin: {{ {", ".join(resources)} }} }} #-}}""")
