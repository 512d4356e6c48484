// What the translations of all ops share.
#include "passes/emit/onnx/Translator.h"
#include "dialect/Constants.h"
#include "mlir/IR/Matchers.h"
#include "passes/emit/onnx/Onnx.h"
#include "llvm/ADT/TypeSwitch.h"
#include <limits>

using namespace mlir;

namespace vitya {

/// The largest signed integers of which 16 bits hold the sum of two products with u8.
static constexpr int64_t kLargestPair = std::numeric_limits<int16_t>::max() / (2 * std::numeric_limits<uint8_t>::max());

static OnnxType onnxTypeOf(Type element) {
  if (auto quantized = dyn_cast<quant::QuantizedType>(element)) {
    if (quantized.getStorageTypeIntegralWidth() == 4)
      return OnnxType::i4;
    return quantized.isSigned() && quantized.getStorageTypeMax() <= kLargestPair ? OnnxType::i8 : OnnxType::u8;
  }
  if (element.isF32())
    return OnnxType::f32;
  if (element.isBF16())
    return OnnxType::bf16;
  return element.isInteger(32) ? OnnxType::i32 : OnnxType::i8;
}

OnnxType onnxTypeOf(Value tensor) { return onnxTypeOf(getElementTypeOrSelf(tensor.getType())); }

/// What is added to the stored integers of `element`.
static int64_t offsetOf(Type element) {
  auto quantized = dyn_cast<quant::QuantizedType>(element);
  return quantized && quantized.isSigned() && onnxTypeOf(element) == OnnxType::u8 ? kSignedOffset : 0;
}

LogicalResult OnnxTranslator::run(func::FuncOp function) {
  BlockArgument image = function.getArgument(0);
  values[image] = input;
  dependent.insert(image);
  for (Operation &op : function.getBody().front()) {
    if (llvm::any_of(op.getOperands(), [&](Value operand) { return dependent.contains(operand); }))
      dependent.insert(op.getResults().begin(), op.getResults().end());
    auto layer = dyn_cast<LayerOpInterface>(op);
    scope = layer ? layer.getLayer().str() : op.getName().stripDialect().str();
    if (failed(dispatch(&op)))
      return failure();
  }
  return success();
}

LogicalResult OnnxTranslator::dispatch(Operation *op) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<NormalizeOp, PatchifyOp, UnfoldOp, MaxPoolOp, LinearOp, AttentionOp, LayerNormOp, RmsNormOp,
            RotaryEmbeddingOp, GeluOp, ReluOp, SiluOp, ToBf16Op, ScaleColumnsOp, MeanPoolOp, ChooseQParamsOp,
            QuantizeOp, quant::QuantizeCastOp, quant::DequantizeCastOp, quant::StorageCastOp, arith::ConstantOp,
            arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp, tensor::ExtractSliceOp, tensor::ConcatOp,
            tensor::ExpandShapeOp, tensor::CollapseShapeOp, func::ReturnOp>([&](auto op) { return translate(op); })
      .Default([](Operation *op) -> LogicalResult {
        auto layer = dyn_cast<LayerOpInterface>(op);
        std::string of = layer ? (" of layer '" + layer.getLayer() + "'").str() : "";
        return op->emitError("expected an op that has a counterpart in ONNX, found '") << op->getName() << "'" << of;
      });
}

std::string OnnxTranslator::reshape(const std::string &value, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> sizes{-1};
  llvm::append_range(sizes, shape);
  return node("Reshape", {value, integers("shape", sizes)});
}

std::string OnnxTranslator::transpose(const std::string &value, std::vector<int64_t> order) {
  return node("Transpose", {value}, {{"perm", std::move(order)}});
}

LogicalResult OnnxTranslator::define(Operation *op, std::string name) {
  values[op->getResult(0)] = std::move(name);
  return success();
}

ElementsAttr OnnxTranslator::constantOf(Value tensor) {
  if (auto cast = tensor.getDefiningOp<quant::StorageCastOp>())
    tensor = cast.getInput();
  ElementsAttr constant;
  return matchPattern(tensor, m_Constant(&constant)) ? constant : ElementsAttr();
}

std::vector<char> OnnxTranslator::bytesOf(Value tensor) {
  std::vector<char> bytes = *readRaw(constantOf(tensor)); // which translate(arith::ConstantOp) has checked
  if (int64_t offset = offsetOf(getElementTypeOrSelf(tensor.getType())))
    for (char &byte : bytes)
      byte = static_cast<char>(byte + offset);
  return bytes;
}

std::string OnnxTranslator::constant(Value tensor, ArrayRef<int64_t> shape) {
  return graph.addConstant(resourceNameOf(constantOf(tensor)), onnxTypeOf(tensor), shape, bytesOf(tensor));
}

std::string OnnxTranslator::valueOf(Value tensor) {
  auto known = values.find(tensor);
  if (known != values.end())
    return known->second;
  SmallVector<int64_t> shape{1};
  llvm::append_range(shape, cast<ShapedType>(tensor.getType()).getShape());
  return values[tensor] = constant(tensor, shape);
}

std::string OnnxTranslator::batched(Value tensor) {
  std::string value = valueOf(tensor);
  if (dependent.contains(tensor))
    return value;
  std::vector<int64_t> ones(cast<ShapedType>(tensor.getType()).getRank(), 1);
  std::string batch = node("Shape", {input}, {{"start", 0}, {"end", 1}});
  return node("Expand", {value, node("Concat", {batch, integers("ones", ones)}, {{"axis", 0}})});
}

LogicalResult OnnxTranslator::requireConstants(LayerOpInterface op, ArrayRef<Value> tensors) {
  if (llvm::all_of(tensors, [](Value tensor) { return !tensor || constantOf(tensor); }))
    return success();
  return op.emitError("expected layer '") << op.getLayer() << "' to have constant weights, found others";
}

/// The zero point of `type` as a scalar of its storage.
static std::string zeroPoint(OnnxGraph &graph, StringRef scope, quant::UniformQuantizedType type) {
  return graph.addConstant((scope + ".zero_point").str(), onnxTypeOf(type), {},
                           std::string(1, static_cast<char>(type.getZeroPoint() + offsetOf(type))));
}

std::string OnnxTranslator::quantize(const std::string &real, quant::UniformQuantizedType type) {
  std::string stored = node(
      "QuantizeLinear", {real, scalar("scale", static_cast<float>(type.getScale())), zeroPoint(graph, scope, type)});
  int64_t low = type.getStorageTypeMin() + offsetOf(type), high = type.getStorageTypeMax() + offsetOf(type);
  if (low == 0 && high == std::numeric_limits<uint8_t>::max())
    return stored;
  auto bound = [&](StringRef name, int64_t value) {
    return graph.addConstant(scope + "." + name.str(), onnxTypeOf(type), {}, std::string(1, static_cast<char>(value)));
  };
  return node("Clip", {stored, bound("low", low), bound("high", high)});
}

std::string OnnxTranslator::dequantize(const std::string &stored, quant::UniformQuantizedType type) {
  return node("DequantizeLinear",
              {stored, scalar("scale", static_cast<float>(type.getScale())), zeroPoint(graph, scope, type)});
}

std::string OnnxTranslator::dequantized(const std::string &stored, Value tensor) {
  auto type = dyn_cast<quant::UniformQuantizedType>(getElementTypeOrSelf(tensor.getType()));
  return type ? dequantize(stored, type) : stored;
}

} // namespace vitya
