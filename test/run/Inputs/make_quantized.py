#!/usr/bin/env python3
"""Quantized ops on patches of an image: make_quantized.py KIND WIDTH [BITS [ACTIVATION_BITS]], or make_quantized.py
attention KEY_WIDTH VALUE_WIDTH [bias].

KIND is the granularity of the dynamic format, token or tensor, or the bias of the static format: static has an f32 bias,
static-i32 a constant i32 bias, and static-computed the difference of two i32 constants. Weights and activations have 8 bits
unless BITS (4 to 8) and ACTIVATION_BITS (7 or 8) are given.

Two linear layers with a GELU between them map 64 tokens from 48 to WIDTH to 10 columns; or an attention has two heads and
56 tokens. Weights, scales and zero points come from a fixed generator.
"""

import random
import struct
import sys

PARAMS = {"token": 64, "tensor": 1}
INTEGER_BIAS = ("static-i32", "static-computed")


def resource(name, values, code):
    return f'      {name}: "0x{struct.pack("<I%d%s" % (len(values), code), struct.calcsize(code), *values).hex().upper()}"'


def section(resources):
    text = ",\n".join(resources)
    return f"{{-#\n  dialect_resources: {{\n    builtin: {{\n{text}\n    }}\n  }}\n#-}}\n"


def linear(kind, width, bits=8, activation_bits=8):
    most = 2 ** (bits - 1) - 1
    storage = "i4" if bits == 4 else "i8"
    unsigned = "u8<0:127>" if activation_bits == 7 else "u8"
    random.seed(1)
    sizes = {"fc1": (width, 48), "fc2": (10, width)}
    inputs = {"fc1": f"!quant.uniform<{unsigned}:f32, 0.00392156862745098>",
              "fc2": f"!quant.uniform<{unsigned}:f32, 0.0087654321:20>"}
    types, body, resources = "", "", []
    previous = "x"
    for name, (out, columns) in sizes.items():
        scales = [random.uniform(0.001, 0.004) for _ in range(out)]
        types += f"!{name} = !quant.uniform<{storage}<-{most}:{most}>:f32:0, {{{', '.join('%.17g' % scale for scale in scales)}}}>\n"
        resources.append(resource(name + ".weight", [random.randint(-most, most) for _ in range(out * columns)], "b"))
        if kind in INTEGER_BIAS:
            resources.append(resource(name + ".bias", [random.randint(-30000, 30000) for _ in range(out)], "i"))
            bias_type = f"tensor<{out}xi32>"
        else:
            resources.append(resource(name + ".bias", [random.uniform(-1, 1) for _ in range(out)], "f"))
            bias_type = f"tensor<{out}xf32>"
        f32, element = f"tensor<64x{columns}xf32>", f"!quant.any<{unsigned}:f32>" if kind in PARAMS else inputs[name]
        quantized, params = f"tensor<64x{columns}x{element}>", f"tensor<{PARAMS.get(kind, 0)}x2xf32>"
        if kind in PARAMS:
            levels = " levels 127" if kind == "tensor" or activation_bits == 7 else ""
            highest = " levels 127" if activation_bits == 7 else ""
            body += f"""    %p.{name} = vitya.choose_qparams {kind} %{previous}{levels} : {f32} -> {params}
    %q.{name} = vitya.quantize %{previous}, %p.{name}{highest} : {f32}, {params} -> {quantized}
"""
        else:
            body += f"    %q.{name} = quant.qcast %{previous} : {f32} to {quantized}\n"
        operand = f" params(%p.{name} : {params})" if kind in PARAMS else ""
        body += f"""    %c.{name} = arith.constant dense_resource<{name}.weight> : tensor<{out}x{columns}x{storage}>
    %w.{name} = quant.scast %c.{name} : tensor<{out}x{columns}x{storage}> to tensor<{out}x{columns}x!{name}>
    %b.{name} = arith.constant dense_resource<{name}.bias> : {bias_type}
"""
        bias = f"%b.{name}"
        if kind == "static-computed":
            resources.append(resource(name + ".shift", [random.randint(-30000, 30000) for _ in range(out)], "i"))
            bias = f"%difference.{name}"
            body += f"""    %s.{name} = arith.constant dense_resource<{name}.shift> : {bias_type}
    {bias} = arith.subi %b.{name}, %s.{name} : {bias_type}
"""
        body += f"""    %y.{name} = vitya.linear "{name}" %q.{name}, %w.{name} bias {bias}{operand} : {quantized}, tensor<{out}x{columns}x!{name}>, {bias_type} -> tensor<64x{out}xf32>
"""
        if name == "fc1":
            body += f"    %gelu = vitya.gelu erf %y.fc1 : tensor<64x{out}xf32>\n"
            previous = "gelu"
    return types, body, "y.fc2", 64, 10, section(resources)


def attention(width, value_width, bias=None):
    query, key = "!quant.uniform<u8:f32, 0.00392156862745098:30>", "!quant.uniform<i8<-127:127>:f32, 0.0079>"
    body = ""
    for name, columns, start, element in [("q", width, 0, query), ("k", width, 48 - width, key),
                                          ("v", value_width, 48 - value_width, key)]:
        body += f"""    %{name}.part = tensor.extract_slice %x[0, {start}] [56, {columns}] [1, 1] : tensor<56x48xf32> to tensor<56x{columns}xf32>
    %{name} = quant.qcast %{name}.part : tensor<56x{columns}xf32> to tensor<56x{columns}x{element}>
"""
    operand, operand_type, resources = "", "", ""
    if bias:
        generator = random.Random(2)
        resources = section([resource("bias", [generator.gauss(0, 1) for _ in range(56 * 112)], "f")])
        body += "    %b = arith.constant dense_resource<bias> : tensor<56x112xf32>\n"
        operand, operand_type = " bias %b", ", tensor<56x112xf32>"
    body += f"""    %y = vitya.attention "attn" %q, %k, %v{operand} heads 2 scale 1.5 weights !quant.uniform<u8:f32, 0.0039215686274509803> : tensor<56x{width}x{query}>, tensor<56x{width}x{key}>, tensor<56x{value_width}x{key}>{operand_type} -> tensor<56x{value_width}xf32>
"""
    return "", body, "y", 56, value_width, resources


def main():
    kind = sys.argv[1]
    types, body, result, tokens, classes, resources = (
        attention(int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:]) if kind == "attention" else linear(kind, *map(int, sys.argv[2:])))
    image = f"tensor<3x{tokens // 2}x32xf32>"
    names = ", ".join(f'"{i}"' for i in range(classes))
    print(f"""{types}module attributes {{vitya.model = #vitya.model<name = "quantized", image = [3, {tokens // 2}, 32], classes = [{names}]>}} {{
  func.func @main(%image: {image}) -> tensor<1x{classes}xf32> {{
    %x = vitya.patchify %image [4, 4] channel_row_column : {image} -> tensor<{tokens}x48xf32>
{body}    %logits = vitya.mean_pool %{result} : tensor<{tokens}x{classes}xf32> -> tensor<1x{classes}xf32>
    return %logits : tensor<1x{classes}xf32>
  }}
}}
{resources}""")


main()
