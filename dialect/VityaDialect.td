// Registration of the dialect and the conventions that all its ops share.

#ifndef VITYA_DIALECT
#define VITYA_DIALECT

include "mlir/IR/OpBase.td"

def Vitya_Dialect : Dialect {
  let name = "vitya";
  let cppNamespace = "::vitya";
  let summary = "Vision Transformers, one image at a time";
  let description = [{
    The `vitya` dialect holds the operations of a Vision Transformer that no upstream dialect has. A model is a
    function of one image, so every tensor is static and has no batch dimension: an image is `tensor<CxHxW>`, and a
    sequence of tokens is `tensor<NxD>`, with one token per row.

    Elementwise sums and products are `arith.addf` and `arith.mulf` on tensors; slices and concatenations are
    `tensor.extract_slice` and `tensor.concat`; weights are `arith.constant dense_resource<...>`.

    Quantized values have types of the upstream `quant` dialect: activations are u8 with a scale and a zero point, and
    weights have 4 to 8 bits and zero point 0. `quant.qcast` quantizes a value as `q = clamp(rint(x * (1 / f32(scale))) + zero)` in
    f32. A quantized weight is a constant of stored integers, read through a `quant.scast`.

    Every op that belongs to a layer of the trained model has the name of the layer as its first attribute and
    implements `LayerOpInterface`. The name is an attribute because patterns, statistics, reports and traces refer to
    layers by name, and locations are not part of the semantics of the IR.

    Discardable attributes hold what is known about a model or a layer beyond its semantics:

    | attribute | on | value |
    |---|---|---|
    | `vitya.model` | module | `#vitya.model`: the name, the image and the classes |
    | `vitya.settings` | module | array of `#vitya.setting`: the choices of the importer and their sources |
    | `vitya.stored_tensors` | module | array of `#vitya.stored_tensor`: the tensors that a checkpoint stores in another form than the IR |
    | `vitya.phase` | module | string: the phase of compilation that the module has reached |
    | `vitya.fingerprint` | module | string: the identity of structure and weights, see `dialect/Fingerprint.h` |
    | `vitya.calibrated` | module | string: the fingerprint of the model that the `vitya.ranges` belong to |
    | `vitya.linears` | module | array of `#vitya.linear_info`: how each linear layer was compressed |
    | `vitya.attentions` | module | array of `#vitya.attention_info`: how each attention was compressed |
    | `vitya.parameters` | module | i64: the elements of all constants at the end of the compress phase |
    | `vitya.multiply_adds` | module | i64: the multiply-adds of one inference |
    | `vitya.integer_multiply_adds` | module | i64: the multiply-adds of integers among them; absent if there are none |
    | `vitya.bf16_multiply_adds` | module | i64: the multiply-adds of bf16 among them; absent if there are none |
    | `vitya.short_sum_multiply_adds` | module | array of four i64: the multiply-adds of integers in short sums of 1, 2, 4 and 8 blocks; absent if there are none |
    | `vitya.cascade` | module | `#vitya.cascade`: the module contains two models, and when the second one runs |
    | `vitya.attention_info` | attention | `#vitya.attention_info`: how it was compressed |
    | `vitya.ranges` | layer | array with, for each quantizable operand, an array of the `#vitya.observed` ranges that the observers propose |
    | `vitya.rounded` | f32 linear layer | `#vitya.rounded`: the integers to which quantization will round the weight |
    | `vitya.noise` | `quant.scast` | f64: the mean squared error of a quantized weight over its mean square; absent if the f32 weight is not known |
    | `vitya.short_sums` | linear | `#vitya.short_sums`: the proof that sums of products of the layer fit 16 bits |
    | `vitya.kernel` | private function | unit: the function computes one group of ops |
    | `vitya.work` | kernel, outlined loop | `#vitya.work`: the name of the kernel and the work of one call |
    | `vitya.layer` | call | string: the name of the layer that the call computes |
    | `vitya.loop` | call | unit: the callee is an outlined loop; the last two operands are the range of its iterations |
    | `vitya.weights` | module | resource: the packed weights |
    | `vitya.workspace_bytes` | module | i64: the bytes of scratch memory that one inference needs |
    | `vitya.layers` | module | array of strings: the names of the layers, indexed by the layer number that `vitya_parallel_for` receives |
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let discardableAttrs = (ins
    "::vitya::ModelAttr":$model,
    "::mlir::ArrayAttr":$settings,
    "::mlir::ArrayAttr":$stored_tensors,
    "::mlir::StringAttr":$phase,
    "::mlir::StringAttr":$fingerprint,
    "::mlir::StringAttr":$calibrated,
    "::mlir::ArrayAttr":$linears,
    "::mlir::ArrayAttr":$attentions,
    "::mlir::IntegerAttr":$parameters,
    "::mlir::IntegerAttr":$multiply_adds,
    "::mlir::IntegerAttr":$integer_multiply_adds,
    "::mlir::IntegerAttr":$bf16_multiply_adds,
    "::mlir::DenseI64ArrayAttr":$short_sum_multiply_adds,
    "::vitya::CascadeAttr":$cascade,
    "::vitya::AttentionInfoAttr":$attention_info,
    "::mlir::ArrayAttr":$ranges,
    "::mlir::FloatAttr":$noise,
    "::vitya::ShortSumsAttr":$short_sums,
    "::vitya::RoundedWeightAttr":$rounded,
    "::mlir::UnitAttr":$kernel,
    "::vitya::WorkAttr":$work,
    "::mlir::StringAttr":$layer,
    "::mlir::UnitAttr":$loop,
    "::mlir::DenseResourceElementsAttr":$weights,
    "::mlir::IntegerAttr":$workspace_bytes,
    "::mlir::ArrayAttr":$layers);
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect", "::mlir::func::FuncDialect",
    "::mlir::quant::QuantDialect"
  ];
}

#endif // VITYA_DIALECT
