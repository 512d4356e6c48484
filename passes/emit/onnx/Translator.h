// Translates the ops of a model, one after the other, to nodes of a graph.
#ifndef VITYA_PASSES_EMIT_ONNX_TRANSLATOR_H
#define VITYA_PASSES_EMIT_ONNX_TRANSLATOR_H

#include "dialect/VityaOps.h"
#include "passes/emit/onnx/Graph.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include <array>

namespace vitya {

/// The type of the elements of `tensor`. Quantized ones are stored as integers: signed ones of 8 bits as u8, to which
/// kSignedOffset was added, because ONNX Runtime adds up pairs of products of u8 and i8 with saturation on processors
/// without VNNI. Those of fewer bits are too small for that.
OnnxType onnxTypeOf(mlir::Value tensor);
inline constexpr int64_t kSignedOffset = 128;

/// The form in which an operator reads the weight [out, in] of a linear layer: the last two of its sizes `from` are
/// exchanged, and the result has the sizes `to`, of which `axis` is that of the rows.
struct OnnxWeightForm {
  std::array<int64_t, 3> from;
  llvm::SmallVector<int64_t, 4> to;
  int64_t axis;
};

/// [in, out], which MatMul reads.
OnnxWeightForm matrixFormOf(LinearOp op);

/// The state of a translation. A tensor that an op computes becomes a value with one dimension more, the batch, in
/// front. It has size 1 if the tensor does not depend on the image. A quantized tensor becomes a value of its stored
/// integers, and whoever reads it dequantizes it. A weight becomes a constant without a batch.
class OnnxTranslator {
public:
  OnnxTranslator(OnnxGraph &graph, llvm::StringRef input, llvm::StringRef output)
      : graph(graph), input(input), output(output) {}

  /// Translates `function`, which maps one image to logits, to nodes that compute the value `output` from `input`. An
  /// error at an op that has no counterpart in ONNX.
  mlir::LogicalResult run(mlir::func::FuncOp function);

private:
  // An overload for each op: adds nodes and defines the result. ImageOps.cpp
  mlir::LogicalResult translate(NormalizeOp op);
  mlir::LogicalResult translate(PatchifyOp op);
  mlir::LogicalResult translate(UnfoldOp op);
  mlir::LogicalResult translate(MaxPoolOp op);
  // LayerOps.cpp
  mlir::LogicalResult translate(LinearOp op);
  mlir::LogicalResult translate(AttentionOp op);
  mlir::LogicalResult translate(LayerNormOp op);
  mlir::LogicalResult translate(RmsNormOp op);
  mlir::LogicalResult translate(RotaryEmbeddingOp op);
  // TokenOps.cpp
  mlir::LogicalResult translate(GeluOp op);
  mlir::LogicalResult translate(ReluOp op);
  mlir::LogicalResult translate(SiluOp op);
  mlir::LogicalResult translate(ToBf16Op op);
  mlir::LogicalResult translate(ScaleColumnsOp op);
  mlir::LogicalResult translate(MeanPoolOp op);
  mlir::LogicalResult translate(ChooseQParamsOp op);
  mlir::LogicalResult translate(QuantizeOp op);
  mlir::LogicalResult translate(mlir::quant::QuantizeCastOp op);
  mlir::LogicalResult translate(mlir::quant::DequantizeCastOp op);
  mlir::LogicalResult translate(mlir::quant::StorageCastOp op);
  mlir::LogicalResult translate(mlir::arith::ConstantOp op);
  mlir::LogicalResult translate(mlir::arith::AddFOp op);
  mlir::LogicalResult translate(mlir::arith::SubFOp op);
  mlir::LogicalResult translate(mlir::arith::MulFOp op);
  mlir::LogicalResult translate(mlir::arith::DivFOp op);
  mlir::LogicalResult translate(mlir::tensor::ExtractSliceOp op);
  mlir::LogicalResult translate(mlir::tensor::ConcatOp op);
  mlir::LogicalResult translate(mlir::tensor::ExpandShapeOp op);
  mlir::LogicalResult translate(mlir::tensor::CollapseShapeOp op);
  mlir::LogicalResult translate(mlir::func::ReturnOp op);
  mlir::LogicalResult dispatch(mlir::Operation *op);

  // Translator.cpp: nodes and constants, named after the op that is being translated.
  std::string node(llvm::StringRef type, llvm::ArrayRef<std::string> inputs,
                   llvm::ArrayRef<OnnxAttribute> attributes = {}) {
    return graph.addNode(scope, type, inputs, attributes);
  }
  std::string scalar(llvm::StringRef name, float value) { return graph.addScalar(scope + "." + name.str(), value); }
  std::string integers(llvm::StringRef name, llvm::ArrayRef<int64_t> values) {
    return graph.addIntegers(scope + "." + name.str(), {static_cast<int64_t>(values.size())}, values);
  }
  /// `value` as [batch, shape...].
  std::string reshape(const std::string &value, llvm::ArrayRef<int64_t> shape);
  std::string transpose(const std::string &value, std::vector<int64_t> order);
  std::string convert(const std::string &value, OnnxType type) {
    return node("Cast", {value}, {{"to", static_cast<int64_t>(type)}});
  }

  /// Defines the value of the result of `op`.
  mlir::LogicalResult define(mlir::Operation *op, std::string name);
  /// The value of a tensor with its batch.
  std::string valueOf(mlir::Value tensor);
  /// The same with a batch of the size of the input's, also if the tensor does not depend on the image.
  std::string batched(mlir::Value tensor);
  /// `stored`, elements of `tensor`, in f32. Its type is f32 or a static quantized one.
  std::string dequantized(const std::string &stored, mlir::Value tensor);
  /// The integers `stored` of the type `type`, which has one scale, in f32.
  std::string dequantize(const std::string &stored, mlir::quant::UniformQuantizedType type);
  /// The integers of `type`, which has one scale and is stored in 8 bits, for the f32 value `real`.
  std::string quantize(const std::string &real, mlir::quant::UniformQuantizedType type);
  /// The constant that `tensor` is, or whose stored integers it is; null if it is none.
  static mlir::ElementsAttr constantOf(mlir::Value tensor);
  /// The bytes of the constant `tensor`, of which an i4 takes one.
  static std::vector<char> bytesOf(mlir::Value tensor);
  /// The constant `tensor` with another shape of as many elements.
  std::string constant(mlir::Value tensor, llvm::ArrayRef<int64_t> shape);
  /// Reports an error at `op` unless each of `tensors`, its weights, is a constant. There may be null among them.
  static mlir::LogicalResult requireConstants(LayerOpInterface op, llvm::ArrayRef<mlir::Value> tensors);
  /// The constant vector `tensor`, without a batch.
  std::string vectorOf(mlir::Value tensor) {
    return constant(tensor, mlir::cast<mlir::ShapedType>(tensor.getType()).getShape());
  }
  /// The column `index` of scales and zero points: [batch, tokens, 1].
  std::string columnOfParams(mlir::Value params, int64_t index);

  // ImageOps.cpp
  /// The pixels `tokens` [batch, pixels, channels] as [batch, channels, height, width].
  std::string gridOf(const std::string &tokens, int64_t channels, llvm::ArrayRef<int64_t> grid);
  /// The reverse, for a result of `type`.
  std::string tokensOf(const std::string &grid, mlir::RankedTensorType type);
  /// The windows that `op` multiplies if it is a convolution, else null. Their value is that of their pixels.
  static UnfoldOp convolutionOf(LinearOp op);
  std::string convolution(LinearOp op, UnfoldOp windows);

  // LayerOps.cpp
  /// The weight of `op` in `form`, as stored or in f32.
  std::string weightOf(LinearOp op, const OnnxWeightForm &form);
  std::string realWeightOf(LinearOp op, const OnnxWeightForm &form);
  /// The bias of `op` in f32.
  std::string realBiasOf(LinearOp op);
  /// The product of `op`, whose scales are found at run time.
  std::string dynamicProduct(LinearOp op);
  /// The columns of tokens split into heads, in f32: [batch, heads, tokens, width], or [batch, heads, width, tokens].
  std::string headsOf(mlir::Value tokens, int64_t heads, bool transposed);
  /// softmax(scores) values
  std::string weightedSum(AttentionOp op, const std::string &scores, const std::string &values);

  // TokenOps.cpp
  /// x times the logistic function of `factor` x.
  std::string sigmoidProduct(mlir::Value x, float factor);
  template <typename Op>
  mlir::LogicalResult translateBinary(Op op, llvm::StringRef type);

  OnnxGraph &graph;
  std::string input, output;
  std::string scope; ///< the name of the layer that is being translated, or the mnemonic of the op
  llvm::DenseMap<mlir::Value, std::string> values;
  llvm::DenseSet<mlir::Value> dependent; ///< the tensors that depend on the image
};

} // namespace vitya

#endif // VITYA_PASSES_EMIT_ONNX_TRANSLATOR_H
