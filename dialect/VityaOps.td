// The operations. Constraints are labelled three times: `(C1)` here, `// linear_c1` in the verifier, and
// `@linear_c1_...` in test/dialect/invalid.mlir. The examples are executed by test/dialect/doctest.mlir.

#ifndef VITYA_OPS
#define VITYA_OPS

include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialect/VityaInterfaces.td"
include "dialect/VityaTypes.td"

/// Every op is pure and infers its result from its operands and attributes.
class Vitya_Op<string mnemonic, list<Trait> traits = []>
    : Op<Vitya_Dialect, mnemonic, !listconcat([Pure], traits)>;

/// An op whose result has the type of its first operand.
class Vitya_SameTypeOp<string mnemonic, list<Trait> traits = []>
    : Vitya_Op<mnemonic, !listconcat([SameOperandsAndResultType], traits)>;

/// An op that infers its result type in C++, from operands that its verifier checks afterwards.
class Vitya_InferredOp<string mnemonic, list<Trait> traits = []>
    : Vitya_Op<mnemonic, !listconcat([InferTypeOpAdaptor], traits)>;

/// The rows of its first operand are computed independently of each other.
def Vitya_Rowwise : DeclareOpInterfaceMethods<Vitya_RowwiseOpInterface>;

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

    * (C1) `mean` and `std` have one entry a channel.
    * (C2) every `std` is finite and positive, every `mean` finite.

    Means 0 with deviations 1 fold away.

    ```mlir
    %0 = vitya.normalize %image mean [0.5, 0.5, 0.5] std [0.2, 0.2, 0.2] : tensor<3x32x32xf32>
    ```
  }];
  let arguments = (ins Vitya_Image:$image, DenseF32ArrayAttr:$mean, DenseF32ArrayAttr:$std);
  let results = (outs Vitya_Image:$result);
  let assemblyFormat = "$image `mean` $mean `std` $std attr-dict `:` type($image)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Vitya_PatchifyOp : Vitya_InferredOp<"patchify"> {
  let summary = "cut an image into patches, one a row, left to right and top to bottom";
  let description = [{
    | operand | type | result |
    |---|---|---|
    | image | `tensor<CxHxWxf32>` | `tensor<(H/ph * W/pw) x (C * ph * pw) x f32>` |

    `order` says how the pixels of one patch follow each other in the row: `channel_row_column` is the order of a
    convolution's kernel, `row_column_channel` that of an image with the channel last.

    * (C1) `patch` has two positive entries, height and width.
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
// Layers
//===----------------------------------------------------------------------===//

def Vitya_LinearOp
    : Vitya_InferredOp<"linear", [AttrSizedOperandSegments,
                                  DeclareOpInterfaceMethods<Vitya_RowwiseOpInterface, ["getRowwiseOperands"]>]> {
  let summary = "a linear layer: x W^T + b";
  let description = [{
    `result[n, o] = sum_i input[n, i] * weight[o, i] + bias[o]`; without bias the last term is absent. A constant bias
    of zeros folds away.

    | input | weight | bias | params | result |
    |---|---|---|---|---|
    | `tensor<NxIxf32>` | `tensor<OxIxf32>` | `tensor<Oxf32>` or none | none | `tensor<NxOxf32>` |
    | `tensor<NxIxU>` | `tensor<OxIxS>` | `tensor<Oxf32>` or none | none | `tensor<NxOxf32>` |
    | `tensor<NxIx!quant.any<u8:f32>>` | `tensor<OxIxS>` | `tensor<Oxf32>` or none | `tensor<Nx2xf32>` or `tensor<1x2xf32>` | `tensor<NxOxf32>` |

    U is `!quant.uniform<u8:f32, s:z>`, S `!quant.uniform<i8:f32, t>` or, with a scale for each output,
    `!quant.uniform<i8:f32:0, {t...}>`, its storage full or without -128. Quantized sums are exact: with the stored
    integers q and w and the factor `m[o] = f32(s * t[o])`, in f32,
    `result[n, o] = f32(sum_i (q[n, i] - z) * w[o, i] + rint(bias[o] / m[o])) * m[o]`. Where scale and zero point are those of
    `params`, a row for each token or one for all, the factor is `s[n] * f32(t[o])`, an f32 product, and
    `result[n, o] = fma(f32(sum_i (q[n, i] - z[n]) * w[o, i]), m[n, o], bias[o])`; so it is where 32 bits do not hold the
    sum with the bias.

    `info`, where it is there, says what compression made of the layer of the trained model that the op is, or is a
    factor of: both factors of a layer carry the same. `vitya-describe-model` collects them.

    * (C1) the weight has as many columns as the input.
    * (C2) the bias has as many entries as the weight has rows.
    * (C3) input and weight are both f32 or both quantized, to the types above.
    * (C4) the zero point lies in the storage of its type, the number of scales matches, scales are positive, finite f32.
    * (C5) `params` is there exactly where the input is `!quant.any`, with a row for each token or one for all.
    * (C6) at most 65,536 products are summed, so that 32 bits hold the sum.

    ```mlir
    %0 = vitya.linear "head" %x, %w bias %b
       : tensor<1x192xf32>, tensor<10x192xf32>, tensor<10xf32> -> tensor<1x10xf32>
    %1 = vitya.linear "blocks.0.mlp.fc1" %t, %m : tensor<65x192xf32>, tensor<768x192xf32> -> tensor<65x768xf32>
    ```

    Quantized:

    ```mlir
    %0 = vitya.linear "static" %x, %w : tensor<65x192x!quant.uniform<u8:f32, 0.02:128>>,
                                        tensor<768x192x!quant.uniform<i8<-127:127>:f32, 0.01>> -> tensor<65x768xf32>
    %1 = vitya.linear "dynamic" %y, %w params(%p : tensor<65x2xf32>)
       : tensor<65x192x!quant.any<u8:f32>>, tensor<768x192x!quant.uniform<i8<-127:127>:f32, 0.01>> -> tensor<65x768xf32>
    ```
  }];
  let arguments = (ins StrAttr:$layer, Vitya_AnyTokens:$input, Vitya_Matrix:$weight, Optional<Vitya_Vector>:$bias,
                       Optional<Vitya_Params>:$params, OptionalAttr<Vitya_LinearInfoAttr>:$info);
  let results = (outs Vitya_Tokens:$result);
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
    /// Whether the sums are integers.
    bool isQuantized() { return !getInput().getType().getElementType().isF32(); }

  private:
    /// The types, scales and sizes of a quantized layer.
    ::llvm::LogicalResult verifyIntegers();

  public:
  }];
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Vitya_LayerNormOp : Vitya_InferredOp<"layer_norm", [Vitya_Rowwise]> {
  let summary = "normalize each token to mean 0 and variance 1, then scale and shift";
  let description = [{
    `result[n, d] = (input[n, d] - mean_n) / sqrt(var_n + eps) * weight[d] + bias[d]`, where `mean_n` and `var_n` are
    the mean and the biased variance of row `n`.

    | input | weight, bias | result |
    |---|---|---|
    | `tensor<NxDxf32>` | `tensor<Dxf32>` | `tensor<NxDxf32>` |

    * (C1) weight and bias have as many entries as the input has columns.
    * (C2) `eps` is finite and not negative.

    ```mlir
    %0 = vitya.layer_norm "norm" %x, %w, %b eps 1.0e-6
       : tensor<65x192xf32>, tensor<192xf32>, tensor<192xf32> -> tensor<65x192xf32>
    ```
  }];
  let arguments = (ins StrAttr:$layer, Vitya_Tokens:$input, Vitya_Vector:$weight, Vitya_Vector:$bias, F64Attr:$eps);
  let results = (outs Vitya_Tokens:$result);
  let assemblyFormat = [{
    $layer $input `,` $weight `,` $bias `eps` $eps attr-dict
    `:` type($input) `,` type($weight) `,` type($bias) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Vitya_AttentionOp : Vitya_InferredOp<"attention", [Vitya_Rowwise]> {
  let summary = "multi-head scaled dot-product attention";
  let description = [{
    Columns of query, key and value are cut into `heads` equal groups. For each head
    `result = softmax(scale * query key^T) value`, the softmax over the keys; the heads' results stand side by side.
    The width of a head of query and key is independent of that of value, and neither needs to be related to the
    model's width: compression shrinks them.

    | query | key | value | result |
    |---|---|---|---|
    | `tensor<NxAxf32>` | `tensor<MxAxf32>` | `tensor<MxBxf32>` | `tensor<NxBxf32>` |
    | `tensor<NxAxU>` | `tensor<MxAxS>` | `tensor<MxBxS>` | `tensor<NxBxf32>` |

    U is `!quant.uniform<u8:f32, s:z>`, the two S are `!quant.uniform<i8:f32, t>`. Both products then are exact sums of
    integers. With `weights` `!quant.uniform<u8:f32, r>`, a row's exponentials `exp(score - max)` are rounded to
    `w = min(rint(e * (1 / f32(r))), 255)` before they meet the values, and the sum of w divides:
    `result = f32(sum w v) * f32(t_v) / f32(sum w)`; a score is `f32(sum (q - z) k) * f32(s * t_k * scale)`.

    * (C1) query and key have the same number of columns.
    * (C2) key and value have the same number of rows.
    * (C3) `heads` is positive and divides the columns of query and of value.
    * (C4) `scale` is finite.
    * (C5) query, key and value are all f32, or all quantized to the types above and `weights` is there.
    * (C6) `weights` has zero point 0 and a scale of at most 1, so that the greatest weight is not 0.
    * (C7) at most 65,536 products are summed.

    ```mlir
    %0 = vitya.attention "blocks.0.attn" %q, %k, %v heads 3 scale 1.25e-01
       : tensor<65x192xf32>, tensor<65x192xf32>, tensor<65x192xf32> -> tensor<65x192xf32>
    ```

    Quantized:

    ```mlir
    %0 = vitya.attention "blocks.0.attn" %q, %k, %k heads 3 scale 1.25e-01 weights !quant.uniform<u8:f32, 3.9e-3>
       : tensor<65x192x!quant.uniform<u8:f32, 0.02:128>>, tensor<65x192x!quant.uniform<i8:f32, 0.01>>,
         tensor<65x192x!quant.uniform<i8:f32, 0.01>> -> tensor<65x192xf32>
    ```
  }];
  let arguments = (ins StrAttr:$layer, Vitya_AnyTokens:$query, Vitya_AnyTokens:$key, Vitya_AnyTokens:$value,
                       I64Attr:$heads, F64Attr:$scale, OptionalAttr<TypeAttr>:$weights);
  let results = (outs Vitya_Tokens:$result);
  let builders = [
    OpBuilder<(ins "::llvm::StringRef":$layer, "::mlir::Value":$query, "::mlir::Value":$key, "::mlir::Value":$value,
                   "uint64_t":$heads, "::llvm::APFloat":$scale),
              [{ build($_builder, $_state, layer, query, key, value, heads, scale, ::mlir::TypeAttr()); }]>
  ];
  let extraClassDeclaration = [{
    /// Whether both products are of integers.
    bool isQuantized() { return getWeights().has_value(); }
  }];
  let assemblyFormat = [{
    $layer $query `,` $key `,` $value `heads` $heads `scale` $scale (`weights` $weights^)? attr-dict
    `:` type($query) `,` type($key) `,` type($value) `->` type($result)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Between layers
//===----------------------------------------------------------------------===//

def Vitya_GeluOp : Vitya_SameTypeOp<"gelu", [Vitya_Rowwise]> {
  let summary = "the Gaussian error linear unit";
  let description = [{
    Form `erf` is `x / 2 * (1 + erf(x / sqrt(2)))`, form `tanh` the approximation
    `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))` (arXiv 1606.08415).

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
