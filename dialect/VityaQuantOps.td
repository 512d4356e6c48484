// The operations of quantization that the upstream quant dialect lacks. VityaOps.td describes the conventions.

#ifndef VITYA_QUANTOPS
#define VITYA_QUANTOPS

include "dialect/VityaOps.td"

//===----------------------------------------------------------------------===//
// Quantization at run time
//===----------------------------------------------------------------------===//

def Vitya_ChooseQParamsOp : Vitya_InferredOp<"choose_qparams", [Vitya_RowwiseOperands]> {
  let summary = "choose a scale and a zero point from the range of the input";
  let description = [{
    For each token, or for all tokens together, let `low = min(0, x...)` and `high = max(0, x...)`. The result has two
    columns, computed in f32: `scale = max((high - low) / levels, 2^-126)` and `zero = rint(-low / scale)`, clamped to [0,
    `levels`]. The smallest scale is the smallest normal f32, so elements below half of it are quantized to zero. If an element is NaN or
    infinite, the scale is NaN, so that the results of layers that read it are NaN, too, and the zero point is 0. With fewer than
    255 `levels` the upper part of the storage range is unused; PyTorch's `reduce_range` corresponds to 127 levels.

    | granularity | input | result |
    |---|---|---|
    | `token` | `tensor<NxDxf32>` | `tensor<Nx2xf32>` |
    | `tensor` | `tensor<NxDxf32>` | `tensor<1x2xf32>` |

    ```mlir
    %0 = vitya.choose_qparams token %x : tensor<65x192xf32> -> tensor<65x2xf32>
    ```
  }];
  let arguments = (ins Vitya_Granularity:$granularity, Vitya_Tokens:$input,
                   DefaultValuedAttr<ConfinedAttr<I32Attr, [IntMinValue<1>, IntMaxValue<255>]>, "255">:$levels);
  let results = (outs Vitya_Params:$result);
  let assemblyFormat = "$granularity $input (`levels` $levels^)? attr-dict `:` type($input) `->` type($result)";
}

def Vitya_QuantizeOp : Vitya_Op<"quantize", [Vitya_RowwiseOperands]> {
  let summary = "quantize with a scale and a zero point that are operands";
  let description = [{
    `result = clamp(rint(input * (1 / scale)) + zero, low, high)` in f32, where `rint` rounds half to even. The columns of
    `params` are scale and zero point; it has one row for each token or one for all tokens. `low` and `high` are 0 and
    `levels`, 255 by default, or -127 and 127 if `signed` is given. NaN gives `low`. `quant.qcast` is the same operation with a scale known at compile time;
    `vitya-lower-quantization` turns it into this op, with the storage type as result.

    | input | params | result |
    |---|---|---|
    | `tensor<NxDxf32>` | `tensor<Nx2xf32>` or `tensor<1x2xf32>` | `tensor<NxDx!quant.any<u8:f32>>`, `tensor<NxDx!quant.any<u8<0:127>:f32>>`, `tensor<NxDxi8>` or `tensor<NxDxi16>` |

    * (C1) the input and the result have the same sizes.
    * (C2) `params` has two columns, and one row for each token or one row.
    * (C3) a `signed` result is `i8` or `i16`, without `levels`.
    * (C4) `levels` is the highest integer of a `!quant.any` result.

    ```mlir
    %0 = vitya.quantize %x, %p : tensor<65x192xf32>, tensor<65x2xf32> -> tensor<65x192x!quant.any<u8:f32>>
    ```
  }];
  let arguments = (ins Vitya_Tokens:$input, Vitya_Params:$params, UnitAttr:$is_signed,
                   DefaultValuedAttr<ConfinedAttr<I32Attr, [IntMinValue<1>, IntMaxValue<255>]>, "255">:$levels);
  let results = (outs Vitya_QuantizedTokens:$result);
  let assemblyFormat = [{
    (`signed` $is_signed^)? $input `,` $params (`levels` $levels^)? attr-dict `:` type($input) `,` type($params) `->` type($result)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Quantized layers on stored integers. Scales are operands, so that layers of equal sizes share a kernel.
//===----------------------------------------------------------------------===//

def Vitya_OrderColumnsOp : Vitya_Op<"order_columns", [AllTypesMatch<["input", "result"]>, Vitya_Rowwise]> {
  let summary = "put the columns of each window of 16 into another order";
  let description = [{
    `result[n, i] = input[n, 16 * (i / 16) + order[i]]`. Each element of `order` is a position in a window of 16 columns; only
    its four lowest bits count. `vitya-lower-quantization` creates this op in front of layers whose short sums fit 16
    bits in another order of their columns than that of the model.

    | input | order | result |
    |---|---|---|
    | `tensor<NxIxi8>` | `tensor<Ixi8>` | `tensor<NxIxi8>` |

    * (C1) there is a position for each column, and the columns are a multiple of 16.

    ```mlir
    %0 = vitya.order_columns %x, %order : tensor<65x192xi8>, tensor<192xi8>
    ```
  }];
  let arguments = (ins Vitya_Bytes:$input, Vitya_Positions:$order);
  let results = (outs Vitya_Bytes:$result);
  let assemblyFormat = "$input `,` $order attr-dict `:` type($input) `,` type($order)";
  let hasVerifier = 1;
}

def Vitya_IntegerLinearOp
    : Vitya_LayerOp<"integer_linear",
                    (ins Vitya_IntegerTokens:$input, Vitya_IntegerMatrix:$weight, Vitya_IntVector:$offset,
                         Vitya_Vector:$multiplier, Optional<Vitya_Vector>:$bias, Optional<Vitya_Params>:$params,
                         OptionalAttr<I64Attr>:$group),
                    [AttrSizedOperandSegments, Vitya_RowwiseOperands, Vitya_IntegerProductLayer]> {
  let summary = "a quantized linear layer on stored integers";
  let description = [{
    `result[n, o] = fma(f32(sum_i input[n, i] * weight[o, i] - offset[o]), multiplier[o], bias[o])`. The input is unsigned
    and the weight signed; the sum is in 32 bits and wraps around. With `params`, row n uses the offset
    `zero[n] * offset[o]` and the multiplier `scale[n] * multiplier[o]`.

    With `group`, short sums of that many blocks of four columns never exceed 16 bits (see `#vitya.short_sums`), so they may be
    computed in 16 bits. This does not change the result.

    | input | weight | offset | multiplier, bias | params | result |
    |---|---|---|---|---|---|
    | `tensor<NxIxi8>` or `tensor<NxIxi16>` | `tensor<OxIxi8>` or `tensor<OxIxi4>` | `tensor<Oxi32>` or `tensor<Oxi16>` | `tensor<Oxf32>` | `tensor<Nx2xf32>`, `tensor<1x2xf32>` or none | `tensor<NxOxf32>` |

    * (C1) the weight has as many columns as the input.
    * (C2) offset, multiplier and bias have as many entries as the weight has rows.
    * (C3) `params` has two columns, and one row for each token or one row.
    * (C4) `group` is positive, four times the group divides the columns, and the input is `i8`.

    ```mlir
    %0 = vitya.integer_linear "fc1" %x, %w offset %o multiplier %m bias %b group 2
       : tensor<65x192xi8>, tensor<768x192xi8>, tensor<768xi32>, tensor<768xf32>, tensor<768xf32> -> tensor<65x768xf32>
    ```
  }];
  let assemblyFormat = [{
    $layer $input `,` $weight `offset` $offset `multiplier` $multiplier (`bias` $bias^)?
    (`params` `(` $params^ `:` type($params) `)`)? (`group` $group^)? attr-dict
    `:` type($input) `,` type($weight) `,` type($offset) `,` type($multiplier) (`,` type($bias)^)? `->` type($result)
  }];
}

def Vitya_IntegerAttentionOp
    : Vitya_LayerOp<"integer_attention",
                    (ins Vitya_IntegerTokens:$query, Vitya_IntegerTokens:$key, Vitya_IntegerTokens:$value,
                         Vitya_Vector:$factors, Optional<Vitya_Tokens>:$bias, I64Attr:$heads),
                    [Vitya_RowwiseOperands, Vitya_IntegerProductLayer]> {
  let summary = "quantized attention on stored integers";
  let description = [{
    `vitya.attention` with quantized operands. The four elements of `factors` are, in terms of its formulas: the factor of
    a score, `f32(s * t_k * scale)`; the zero point z of the query; `1 / f32(r)`; and `f32(t_v)`.

    | query | key | value | factors | bias | result |
    |---|---|---|---|---|---|
    | `tensor<NxAxi8>` (unsigned) | `tensor<MxAxi8>` | `tensor<MxBxi8>` | `tensor<4xf32>` | `tensor<NxCxf32>` or none | `tensor<NxBxf32>` |
    | `tensor<NxAxi16>` | `tensor<MxAxi16>` | `tensor<MxBxi16>` | `tensor<4xf32>` | `tensor<NxCxf32>` or none | `tensor<NxBxf32>` |

    * (C1) query and key have the same number of columns, and key and value the same number of rows.
    * (C2) `heads` is positive and divides the columns of query and of value.
    * (C3) there are four factors.
    * (C4) query, key and value have the same element type.
    * (C5) `bias` has a row for each query, and `heads` divides its columns into groups of at least one for each key.

    ```mlir
    %0 = vitya.integer_attention "attn" %q, %k, %v factors %f heads 3
       : tensor<65x192xi8>, tensor<65x192xi8>, tensor<65x192xi8>, tensor<4xf32> -> tensor<65x192xf32>
    ```
  }];
  let assemblyFormat = [{
    $layer $query `,` $key `,` $value `factors` $factors (`bias` $bias^)? `heads` $heads attr-dict
    `:` type($query) `,` type($key) `,` type($value) `,` type($factors) (`,` type($bias)^)? `->` type($result)
  }];
}

#endif // VITYA_QUANTOPS
