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
    function of one image, so every tensor is static and has no batch dimension: an image is `tensor<CxHxW>`, a
    sequence of tokens is `tensor<NxD>`, one token a row.

    Elementwise sums and products are `arith.addf` and `arith.mulf` on tensors; slices and concatenations are
    `tensor.extract_slice` and `tensor.concat`; weights are `arith.constant dense_resource<...>`.

    Quantized values have types of the upstream `quant` dialect: activations u8 with a scale and a zero point, weights s8 with
    zero point 0. `quant.qcast` rounds to them, as `q = clamp(rint(x * (1 / f32(scale))) + zero)` in f32; weights are
    stored integers behind a `quant.scast`.

    Every op that belongs to a layer of the trained model carries the layer's name as its first attribute, because
    patterns, statistics, reports and traces speak of layers and textual IR drops locations.

    Two attributes describe a module: `vitya.model` (what the model is: name, image, classes) and `vitya.linears`
    (what compression did to each linear layer).

    A slice of rows moves before what computes rows independently of each other: linear layers, norms, GELU, sums,
    queries of attention. So where the head reads the class token alone, the last block computes at most queries, keys
    and values of the other tokens.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasCanonicalizer = 1;
  let hasOperationAttrVerify = 1;
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect", "::mlir::func::FuncDialect",
    "::mlir::quant::QuantDialect"
  ];
}

#endif // VITYA_DIALECT
