// The operations. Each constraint has a label that appears three times: `(C1)` here, `// linear_c1` in the verifier, and
// `@linear_c1_...` in test/dialect/invalid.mlir. The examples are verified by test/docs/check_examples.py.

#ifndef VITYA_OPS
#define VITYA_OPS

include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialect/VityaInterfaces.td"
include "dialect/VityaTypes.td"

/// Every op is pure and infers its result type from its operands and attributes.
class Vitya_Op<string mnemonic, list<Trait> traits = []>
    : Op<Vitya_Dialect, mnemonic, !listconcat([Pure], traits)>;

/// An op whose result has the type of its first operand.
class Vitya_SameTypeOp<string mnemonic, list<Trait> traits = []>
    : Vitya_Op<mnemonic, !listconcat([SameOperandsAndResultType], traits)>;

/// An op that infers its result type in C++. Inference runs before the verifier of the op checks the operands.
class Vitya_InferredOp<string mnemonic, list<Trait> traits = []>
    : Vitya_Op<mnemonic, !listconcat([InferTypeOpAdaptor], traits)>;

/// An op that computes the rows of its first operand independently of each other.
def Vitya_Rowwise : DeclareOpInterfaceMethods<Vitya_RowwiseOpInterface>;

/// An op that has other row-wise operands besides the first.
def Vitya_RowwiseOperands : DeclareOpInterfaceMethods<Vitya_RowwiseOpInterface, ["getRowwiseOperands"]>;

/// A layer with a matrix product, which counts its multiply-adds.
def Vitya_ProductLayer
    : DeclareOpInterfaceMethods<Vitya_LayerOpInterface, ["getMultiplyAdds", "getQuantizableOperands", "getFormat"]>;

/// A layer with a matrix product on stored integers: there is nothing left to quantize.
def Vitya_IntegerProductLayer : DeclareOpInterfaceMethods<Vitya_LayerOpInterface, ["getMultiplyAdds", "getFormat"]>;

/// An op that computes a layer of the trained model on tokens. Its first attribute is the name of the layer.
class Vitya_LayerOp<string mnemonic, dag inputs, list<Trait> traits>
    : Vitya_InferredOp<mnemonic, traits> {
  let arguments = !con((ins StrAttr:$layer), inputs);
  let results = (outs Vitya_Tokens:$result);
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// From image to tokens
//===----------------------------------------------------------------------===//

def Vitya_NormalizeOp : Vitya_SameTypeOp<"normalize"> {
  let summary = "subtract the mean of each channel and divide by its standard deviation";
  let description = [{
    `result[c, y, x] = (image[c, y, x] - mean[c]) / std[c]`, with pixels in [0, 1].

    | operand | type | result |
    |---|---|---|
    | image | `tensor<CxHxWxf32>` | `tensor<CxHxWxf32>` |

    * (C1) `mean` and `std` have one entry for each channel.
    * (C2) every `std` is finite and positive, and every `mean` is finite.

    If every mean is 0 and every standard deviation is 1, the op folds to its operand.

    ```mlir
    %0 = vitya.normalize %image mean [0.5, 0.5, 0.5] std [0.2, 0.2, 0.2] : tensor<3x32x32xf32>
    ```
  }];
  let arguments = (ins Vitya_Image:$image, DenseF32ArrayAttr:$mean, DenseF32ArrayAttr:$std);
  let results = (outs Vitya_Image:$result);
  let assemblyFormat = "$image `mean` custom<ShortFloats>($mean) `std` custom<ShortFloats>($std) attr-dict `:` type($image)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Vitya_PatchifyOp : Vitya_InferredOp<"patchify"> {
  let summary = "cut an image into patches, one per row, left to right and top to bottom";
  let description = [{
    | operand | type | result |
    |---|---|---|
    | image | `tensor<CxHxWxf32>` | `tensor<(H/ph * W/pw) x (C * ph * pw) x f32>` |

    `order` is the order of the pixels of one patch within its row, with the dimension first that varies most slowly:
    `channel_row_column` is the order of a convolution's kernel, and `row_column_channel` is that of an image whose last
    dimension is the channel. The other four are `channel_column_row`, `row_channel_column`, `column_channel_row` and
    `column_row_channel`.

    * (C1) `patch` has two entries, height and width, from 1 to 65,536.
    * (C2) the patch divides the image.

    ```mlir
    %0 = vitya.patchify %image [4, 4] channel_row_column : tensor<3x32x32xf32> -> tensor<64x48xf32>
    ```
  }];
  let arguments = (ins Vitya_Image:$image, Vitya_PatchSize:$patch, Vitya_PatchOrder:$order);
  let results = (outs Vitya_Tokens:$result);
  let assemblyFormat = "$image $patch $order attr-dict `:` type($image) `->` type($result)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Windows of convolutional stems
//===----------------------------------------------------------------------===//

/// An op on windows of pixels. The tokens of its operand are the pixels of a grid, left to right and top to bottom, and
/// so are those of its result.
class Vitya_WindowOp<string mnemonic> : Vitya_InferredOp<mnemonic> {
  let arguments = (ins Vitya_Tokens:$input, Vitya_PatchSize:$grid, Vitya_PatchSize:$window, Vitya_PatchSize:$stride,
                       Vitya_Padding:$padding);
  let results = (outs Vitya_Tokens:$result);
  let assemblyFormat = "$input `grid` $grid `window` $window `stride` $stride `padding` $padding attr-dict "
                       "`:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The height and the width of the result's grid.
    std::array<int64_t, 2> getResultGrid();
  }];
}

def Vitya_UnfoldOp : Vitya_WindowOp<"unfold"> {
  let summary = "copy the window of pixels around each pixel of the result into a row";
  let description = [{
    A convolution is this op followed by `vitya.linear`, whose weight has the order of a kernel with the channel last, so
    every compression of linear layers applies to convolutions.

    `result[y * W' + x, (i * kw + j) * C + c] = input[(y * sh + i - ph) * W + x * sw + j - pw, c]`, and 0 where the pixel
    lies outside the grid, for a grid of H x W, a window of kh x kw, strides sh and sw and padding ph and pw. The result's
    grid has `H' = (H + 2 * ph - kh) / sh + 1` rows, rounded down, and W' columns likewise.

    | operand | type | result |
    |---|---|---|
    | input | `tensor<(H * W) x C x f32>` | `tensor<(H' * W') x (kh * kw * C) x f32>` |

    * (C1) `grid`, `window` and `stride` have two entries, height and width, from 1 to 65,536, and `padding` two from 0 to
      65,536.
    * (C2) the input has a row for each pixel of the grid.
    * (C3) the window is not larger than the padded grid.
    * (C4) the padding is smaller than the window.

    A window of one pixel with strides of 1 and no padding folds to the operand.

    ```mlir
    %0 = vitya.unfold %x grid [32, 32] window [3, 3] stride [2, 2] padding [1, 1] : tensor<1024x16xf32> -> tensor<256x144xf32>
    ```
  }];
  let hasFolder = 1;
}

def Vitya_MaxPoolOp : Vitya_WindowOp<"max_pool"> {
  let summary = "the maximum over the window of pixels around each pixel of the result";
  let description = [{
    `result[y * W' + x, c] = max_ij input[(y * sh + i - ph) * W + x * sw + j - pw, c]`, over the pixels of the window that
    lie inside the grid. A NaN in the window gives NaN. The symbols are those of `vitya.unfold`.

    | operand | type | result |
    |---|---|---|
    | input | `tensor<(H * W) x C x f32>` | `tensor<(H' * W') x C x f32>` |

    * (C1) `grid`, `window` and `stride` have two entries, height and width, from 1 to 65,536, and `padding` two from 0 to
      65,536.
    * (C2) the input has a row for each pixel of the grid.
    * (C3) the window is not larger than the padded grid.
    * (C4) the padding is smaller than the window, so that each window has a pixel.

    ```mlir
    %0 = vitya.max_pool %x grid [32, 32] window [3, 3] stride [2, 2] padding [1, 1] : tensor<1024x64xf32> -> tensor<256x64xf32>
    ```
  }];
}

//===----------------------------------------------------------------------===//
// Layers of the trained model
//===----------------------------------------------------------------------===//

def Vitya_LinearOp
    : Vitya_LayerOp<"linear",
                    (ins Vitya_AnyTokens:$input, Vitya_Matrix:$weight, Optional<Vitya_Bias>:$bias,
                         Optional<Vitya_Params>:$params, OptionalAttr<Vitya_LinearInfoAttr>:$info),
                    [AttrSizedOperandSegments, Vitya_RowwiseOperands, Vitya_ProductLayer]> {
  let summary = "a linear layer: x W^T + b";
  let description = [{
    `result[n, o] = sum_i input[n, i] * weight[o, i] + bias[o]`. Without a bias the last term is absent. A constant bias
    of zeros folds away.

    | format | input | weight | bias (optional) | params | result |
    |---|---|---|---|---|---|
    | f32 | `tensor<NxIxf32>` | `tensor<OxIxf32>` | `tensor<Oxf32>` | none | `tensor<NxOxf32>` |
    | bf16 | `tensor<NxIxbf16>` | `tensor<OxIxbf16>` | `tensor<Oxf32>` | none | `tensor<NxOxf32>` |
    | static | `tensor<NxIxU>` | `tensor<OxIxS>` | `tensor<Oxf32>` or `tensor<Oxi32>` | none | `tensor<NxOxf32>` |
    | dynamic | `tensor<NxIx!quant.any<u8:f32>>` | `tensor<OxIxS>` | `tensor<Oxf32>` | `tensor<Nx2xf32>` or `tensor<1x2xf32>` | `tensor<NxOxf32>` |

    U is `!quant.uniform<u8:f32, s:z>` or, with 7 bits, `!quant.uniform<u8<0:127>:f32, s:z>`. S is
    `!quant.uniform<i8:f32, t>` or, with one scale for each output, `!quant.uniform<i8:f32:0, {t...}>`. Its storage is all of
    i8 or, for a weight of 8, 7, 6, 5 or 4 bits, `i8<-127:127>`, `i8<-63:63>`, `i8<-31:31>`, `i8<-15:15>` or `i4<-7:7>`. An
    i4 element takes a byte in a constant.

    A bf16 layer sums its products in f32, in a chain of fused multiply-adds from zero over the columns 1, 0, 3, 2, 5, 4 and
    so on, the order of the instruction `vdpbf16ps`. Each element of the input and of the weight is zero or has a magnitude
    of at least 2^-55, as `vitya.to_bf16` ensures. Hence all products and sums are multiples of 2^-124, none of
    them is subnormal, and it does not matter that this instruction flushes subnormal numbers to zero.

    A quantized layer multiplies the stored integers q of the input and w of the weight and sums the products in 32 bits,
    which is exact. All other operations are in f32, rounded once each:

    * In the static format scale s and zero point z are those of the input's type. The factor is `m[o] = f32(s * t[o])`.
    * In the dynamic format `params` holds scale and zero point, in one row for each token or in one row for all of
      them. The factor is `m[n, o] = s[n] * f32(t[o])`.
    * With an f32 bias, `result = fma(f32(sum_i (q - z) * w), m, bias)`.
    * With an i32 bias, which counts steps of m, `result = f32(sum_i (q - z) * w + bias) * m`; that sum wraps around
      modulo 2^32. `vitya-quantize-static` stores a constant bias as `rint(bias / m)` if no sum can wrap around then.

    `info`, if present, records how compression changed the layer that the op computes or is a factor of. Both factors of
    a layer carry the same record. `vitya-describe-model` collects the records.

    * (C1) the weight has as many columns as the input.
    * (C2) the bias has as many entries as the weight has rows.
    * (C3) the input and the weight are both f32, both bf16 or both quantized, with the types above.
    * (C4) the zero point lies in the storage range, the number of scales matches, and the scales are positive, finite f32.
    * (C5) `params` is present if and only if the input is `!quant.any`, with one row for each token or one for all.
    * (C6) at most 65,536 products are summed, so that 32 bits hold the sum.
    * (C7) the bias is i32 only if the layer is quantized statically.

    ```mlir
    %0 = vitya.linear "head" %x, %w bias %b
       : tensor<1x192xf32>, tensor<10x192xf32>, tensor<10xf32> -> tensor<1x10xf32>
    %1 = vitya.linear "blocks.0.mlp.fc1" %t, %m : tensor<65x192xf32>, tensor<768x192xf32> -> tensor<65x768xf32>
    ```

    In bf16:

    ```mlir
    %0 = vitya.to_bf16 %t : tensor<65x192xf32> -> tensor<65x192xbf16>
    %1 = vitya.linear "blocks.0.mlp.fc1" %0, %w : tensor<65x192xbf16>, tensor<768x192xbf16> -> tensor<65x768xf32>
    ```

    Quantized:

    ```mlir
    %0 = vitya.linear "static" %x, %w bias %b
       : tensor<65x192x!quant.uniform<u8:f32, 0.02:128>>, tensor<768x192x!quant.uniform<i8<-127:127>:f32, 0.01>>,
         tensor<768xi32> -> tensor<65x768xf32>
    %1 = vitya.linear "dynamic" %y, %w params(%p : tensor<65x2xf32>)
       : tensor<65x192x!quant.any<u8:f32>>, tensor<768x192x!quant.uniform<i8<-127:127>:f32, 0.01>> -> tensor<65x768xf32>
    ```
  }];
  let assemblyFormat = [{
    $layer $input `,` $weight (`bias` $bias^)? (`params` `(` $params^ `:` type($params) `)`)? attr-dict
    `:` type($input) `,` type($weight) (`,` type($bias)^)? `->` type($result)
  }];
  let builders = [
    // A layer whose input, if it is quantized, has its scale in its type.
    OpBuilder<(ins "::llvm::StringRef":$layer, "::mlir::Value":$input, "::mlir::Value":$weight, "::mlir::Value":$bias,
                   "::vitya::LinearInfoAttr":$info),
              [{ build($_builder, $_state, $_builder.getStringAttr(layer), input, weight, bias, ::mlir::Value(), info); }]>
  ];
  let extraClassDeclaration = [{
  private:
    /// Verifies the types, scales and sizes of a quantized layer.
    ::llvm::LogicalResult verifyIntegers();

  public:
  }];
  let hasFolder = 1;
}

def Vitya_LayerNormOp
    : Vitya_LayerOp<"layer_norm",
                    (ins Vitya_Tokens:$input, Vitya_Vector:$weight, Vitya_Vector:$bias, F64Attr:$eps),
                    [Vitya_Rowwise, Vitya_LayerOpInterface]> {
  let summary = "normalize each token to mean 0 and variance 1, then scale and shift";
  let description = [{
    `result[n, d] = (input[n, d] - mean_n) / sqrt(var_n + eps) * weight[d] + bias[d]`, where `mean_n` and `var_n` are
    the mean and the biased variance of row `n`.

    | input | weight, bias | result |
    |---|---|---|
    | `tensor<NxDxf32>` | `tensor<Dxf32>` | `tensor<NxDxf32>` |

    * (C1) the weight and the bias have as many entries as the input has columns.
    * (C2) `eps` is finite and not negative.

    ```mlir
    %0 = vitya.layer_norm "norm" %x, %w, %b eps 1.0e-6
       : tensor<65x192xf32>, tensor<192xf32>, tensor<192xf32> -> tensor<65x192xf32>
    ```
  }];
  let assemblyFormat = [{
    $layer $input `,` $weight `,` $bias `eps` custom<ShortFloat>($eps) attr-dict
    `:` type($input) `,` type($weight) `,` type($bias) `->` type($result)
  }];
}

def Vitya_RmsNormOp
    : Vitya_LayerOp<"rms_norm",
                    (ins Vitya_Tokens:$input, Vitya_Vector:$weight, F64Attr:$eps),
                    [Vitya_Rowwise, Vitya_LayerOpInterface]> {
  let summary = "divide each token by its root mean square, then scale (RMSNorm, arXiv 1910.07467)";
  let description = [{
    `result[n, d] = input[n, d] / sqrt(mean_n + eps) * weight[d]`, where `mean_n` is the mean of the squares of row `n`.

    | input | weight | result |
    |---|---|---|
    | `tensor<NxDxf32>` | `tensor<Dxf32>` | `tensor<NxDxf32>` |

    * (C1) the weight has as many entries as the input has columns.
    * (C2) `eps` is finite and not negative.

    ```mlir
    %0 = vitya.rms_norm "norm" %x, %w eps 1.0e-6 : tensor<65x192xf32>, tensor<192xf32> -> tensor<65x192xf32>
    ```
  }];
  let assemblyFormat = [{
    $layer $input `,` $weight `eps` custom<ShortFloat>($eps) attr-dict `:` type($input) `,` type($weight) `->` type($result)
  }];
}

def Vitya_RotaryEmbeddingOp : Vitya_InferredOp<"rotary_embedding", [Vitya_RowwiseOperands, AllTypesMatch<["cos", "sin"]>]> {
  let summary = "rotate pairs of columns by an angle that depends on the token (RoPE, arXiv 2104.09864)";
  let description = [{
    Queries and keys that are rotated by angles proportional to their positions have products that depend on the
    difference of the positions. The columns are split into `heads` groups of equal width 2P. Pair p of a group consists
    of its columns p and P + p or, if `interleaved`, 2p and 2p + 1. The pair (a, b) of token n becomes

    `(a * cos[n, p] - b * sin[n, p], b * cos[n, p] + a * sin[n, p])`,

    with each product and each sum rounded to f32. Tokens without a position, such as a class token, have cosines of 1 and
    sines of 0.

    | input | cos, sin | result |
    |---|---|---|
    | `tensor<NxDxf32>` | `tensor<NxPxf32>`, for all heads | `tensor<NxDxf32>` |
    | `tensor<NxDxf32>` | `tensor<Nx(heads * P)xf32>`, those of one head after the other | `tensor<NxDxf32>` |

    * (C1) `cos` and `sin` have as many rows as the input.
    * (C2) `heads` is positive, and twice as many divide the columns of the input.
    * (C3) `cos` and `sin` have a column for each pair of a head, or of all heads.

    ```mlir
    %0 = vitya.rotary_embedding %q, %cos, %sin heads 3 : tensor<65x192xf32>, tensor<65x32xf32>, tensor<65x32xf32>
    ```

    With neighbouring columns as pairs:

    ```mlir
    %0 = vitya.rotary_embedding %q, %cos, %sin heads 3 interleaved
       : tensor<65x192xf32>, tensor<65x32xf32>, tensor<65x32xf32>
    ```
  }];
  let arguments = (ins Vitya_Tokens:$input, Vitya_Tokens:$cos, Vitya_Tokens:$sin, I64Attr:$heads,
                   UnitAttr:$interleaved);
  let results = (outs Vitya_Tokens:$result);
  let assemblyFormat = [{
    $input `,` $cos `,` $sin `heads` $heads (`interleaved` $interleaved^)? attr-dict
    `:` type($input) `,` type($cos) `,` type($sin)
  }];
  let extraClassDeclaration = [{
    /// The number of pairs of columns in a head.
    int64_t getPairs() { return getType().getDimSize(1) / (2 * getHeads()); }
  }];
  let hasVerifier = 1;
}

def Vitya_AttentionOp
    : Vitya_LayerOp<"attention",
                    (ins Vitya_AnyTokens:$query, Vitya_AnyTokens:$key, Vitya_AnyTokens:$value,
                         Optional<Vitya_Tokens>:$bias, I64Attr:$heads, F64Attr:$scale, OptionalAttr<TypeAttr>:$weights),
                    [Vitya_RowwiseOperands, Vitya_ProductLayer]> {
  let summary = "multi-head scaled dot-product attention";
  let description = [{
    The columns of query, key and value are split into `heads` groups of equal width. Each head computes
    `result = softmax(scale * query key^T) value`, with the softmax over the keys, and the results of the heads are
    concatenated. The width of a head of query and key is independent of that of value, and neither needs to be related
    to the width of the model: low-rank compression reduces them.

    With `bias`, such as relative position biases, `result = softmax(scale * query key^T + bias) value`. Its columns, too,
    are split into `heads` groups of equal width: column m of a group is added to the scores of key m. A group may have
    more columns than there are keys (`vitya-pad-widths`); these are not read.

    | query | key | value | bias | result |
    |---|---|---|---|---|
    | `tensor<NxAxf32>` | `tensor<MxAxf32>` | `tensor<MxBxf32>` | `tensor<NxCxf32>` or none | `tensor<NxBxf32>` |
    | `tensor<NxAxU>` | `tensor<MxAxS>` | `tensor<MxBxS>` | `tensor<NxCxf32>` or none | `tensor<NxBxf32>` |

    U is `!quant.uniform<u8:f32, s:z>` and the two S are `!quant.uniform<i8:f32, t>`, possibly with different t. Both matrix
    products are then exact sums of integer products. A score is `f32(sum (q - z) k) * f32(s * t_k * scale) + bias`. With `weights`
    of type `!quant.uniform<u8:f32, r>`, the exponentials `e = exp(score - max)` of a row are rounded to
    `w = min(rint(e * (1 / f32(r))), 255)` before they are multiplied with the values, and the sum of w divides the
    result: `result = f32(sum w v) * f32(t_v) / f32(sum w)`.

    * (C1) query and key have the same number of columns.
    * (C2) key and value have the same number of rows.
    * (C3) `heads` is positive and divides the columns of query and of value.
    * (C4) `scale` is finite.
    * (C5) query, key and value are all f32, or all quantized to the types above and `weights` is present.
    * (C6) `weights` has zero point 0 and a scale of at most 1, so that the largest weight is not 0.
    * (C7) at most 65,536 products are summed.
    * (C8) `bias` has a row for each query, and `heads` divides its columns into groups of at least one for each key.

    ```mlir
    %0 = vitya.attention "blocks.0.attn" %q, %k, %v heads 3 scale 0.125
       : tensor<65x192xf32>, tensor<65x192xf32>, tensor<65x192xf32> -> tensor<65x192xf32>
    ```

    With a bias:

    ```mlir
    %0 = vitya.attention "blocks.0.attn" %q, %k, %v bias %b heads 3 scale 0.125
       : tensor<65x192xf32>, tensor<65x192xf32>, tensor<65x192xf32>, tensor<65x195xf32> -> tensor<65x192xf32>
    ```

    Quantized:

    ```mlir
    %0 = vitya.attention "blocks.0.attn" %q, %k, %k heads 3 scale 0.125 weights !quant.uniform<u8:f32, 3.9e-3>
       : tensor<65x192x!quant.uniform<u8:f32, 0.02:128>>, tensor<65x192x!quant.uniform<i8:f32, 0.01>>,
         tensor<65x192x!quant.uniform<i8:f32, 0.01>> -> tensor<65x192xf32>
    ```
  }];
  let builders = [
    OpBuilder<(ins "::llvm::StringRef":$layer, "::mlir::Value":$query, "::mlir::Value":$key, "::mlir::Value":$value,
                   "::mlir::Value":$bias, "uint64_t":$heads, "::llvm::APFloat":$scale),
              [{ build($_builder, $_state, layer, query, key, value, bias, heads, scale, ::mlir::TypeAttr()); }]>
  ];
  let assemblyFormat = [{
    $layer $query `,` $key `,` $value (`bias` $bias^)? `heads` $heads `scale` custom<ShortFloat>($scale)
    (`weights` $weights^)? attr-dict
    `:` type($query) `,` type($key) `,` type($value) (`,` type($bias)^)? `->` type($result)
  }];
}

//===----------------------------------------------------------------------===//
// Between layers
//===----------------------------------------------------------------------===//

def Vitya_GeluOp : Vitya_SameTypeOp<"gelu", [Vitya_Rowwise]> {
  let summary = "the Gaussian error linear unit";
  let description = [{
    The form `erf` is `x / 2 * (1 + erf(x / sqrt(2)))`. The form `tanh` is the approximation
    `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`, and the form `quick` is the approximation
    `x / (1 + exp(-1.702 x))`, that is `x` times the logistic function of `1.702 x` (both in arXiv 1606.08415).

    | input | result |
    |---|---|
    | `tensor<NxDxf32>` | `tensor<NxDxf32>` |

    ```mlir
    %0 = vitya.gelu erf %x : tensor<65x768xf32>
    ```
  }];
  let arguments = (ins Vitya_GeluForm:$form, Vitya_Tokens:$input);
  let results = (outs Vitya_Tokens:$result);
  let assemblyFormat = "$form $input attr-dict `:` type($input)";
}

def Vitya_ReluOp : Vitya_SameTypeOp<"relu", [Vitya_Rowwise]> {
  let summary = "the rectified linear unit: x, or 0 if x is negative";
  let description = [{
    | input | result |
    |---|---|
    | `tensor<NxDxf32>` | `tensor<NxDxf32>` |

    ```mlir
    %0 = vitya.relu %x : tensor<65x768xf32>
    ```
  }];
  let arguments = (ins Vitya_Tokens:$input);
  let results = (outs Vitya_Tokens:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def Vitya_SiluOp : Vitya_SameTypeOp<"silu", [Vitya_Rowwise]> {
  let summary = "the sigmoid linear unit: x / (1 + exp(-x))";
  let description = [{
    Also called Swish (arXiv 1710.05941). SwiGLU is the product (`arith.mulf`) of the result with another linear layer.

    | input | result |
    |---|---|
    | `tensor<NxDxf32>` | `tensor<NxDxf32>` |

    ```mlir
    %0 = vitya.silu %x : tensor<65x768xf32>
    ```
  }];
  let arguments = (ins Vitya_Tokens:$input);
  let results = (outs Vitya_Tokens:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def Vitya_ScaleColumnsOp : Vitya_Op<"scale_columns", [AllTypesMatch<["input", "result"]>, Vitya_Rowwise]> {
  let summary = "multiply each column by a factor";
  let description = [{
    `result[n, d] = input[n, d] * factors[d]`. `vitya-smooth` scales columns before they are quantized, and divides the
    columns of the weights that read them.

    | input | factors | result |
    |---|---|---|
    | `tensor<NxDxf32>` | `tensor<Dxf32>` | `tensor<NxDxf32>` |

    * (C1) `factors` has as many entries as the input has columns.

    ```mlir
    %0 = vitya.scale_columns %x by %factors : tensor<65x768xf32>, tensor<768xf32> -> tensor<65x768xf32>
    ```
  }];
  let arguments = (ins Vitya_Tokens:$input, Vitya_Vector:$factors);
  let results = (outs Vitya_Tokens:$result);
  let assemblyFormat = "$input `by` $factors attr-dict `:` type($input) `,` type($factors) `->` type($result)";
  let hasVerifier = 1;
}

def Vitya_ToBf16Op : Vitya_InferredOp<"to_bf16", [Vitya_Rowwise]> {
  let summary = "round to bf16, and numbers below 2^-55 to zero";
  let description = [{
    `result = |input| < 2^-55 ? 0 : bf16(input)`, where bf16 rounds to nearest, ties to even. NaN stays NaN. Unlike the results of
    `arith.truncf`, these are never so small that sums of their products are subnormal, which processors treat differently.

    | input | result |
    |---|---|
    | `tensor<NxDxf32>` | `tensor<NxDxbf16>` |

    ```mlir
    %0 = vitya.to_bf16 %x : tensor<65x192xf32> -> tensor<65x192xbf16>
    ```
  }];
  let arguments = (ins Vitya_Tokens:$input);
  let results = (outs Vitya_Bf16Tokens:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
}

def Vitya_MeanPoolOp : Vitya_InferredOp<"mean_pool"> {
  let summary = "the mean of all tokens";
  let description = [{
    `result[0, d] = (sum_n input[n, d]) / N`. The mean of one token folds to that token.

    | input | result |
    |---|---|
    | `tensor<NxDxf32>` | `tensor<1xDxf32>` |

    ```mlir
    %0 = vitya.mean_pool %x : tensor<64x192xf32> -> tensor<1x192xf32>
    ```
  }];
  let arguments = (ins Vitya_Tokens:$input);
  let results = (outs Vitya_Tokens:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
}

#endif // VITYA_OPS
