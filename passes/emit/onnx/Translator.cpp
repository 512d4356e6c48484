// What the translations of all ops share.
#include "passes/emit/onnx/Translator.h"
#include "dialect/Constants.h"
#include "mlir/IR/Matchers.h"
#include "passes/emit/onnx/Onnx.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace vitya {

static OnnxType onnxTypeOf(Type element) {
  bool isUnsigned = false;
  if (auto quantized = dyn_cast<quant::QuantizedType>(element)) {
    isUnsigned = !quantized.isSigned();
    element = quantized.getStorageType();
  }
  if (element.isF32())
    return OnnxType::f32;
  if (element.isInteger(32))
    return OnnxType::i32;
  if (element.isInteger(4))
    return OnnxType::i4;
  return isUnsigned ? OnnxType::u8 : OnnxType::i8;
}

OnnxType onnxTypeOf(Value tensor) { return onnxTypeOf(getElementTypeOrSelf(tensor.getType())); }

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
      .Case<NormalizeOp, PatchifyOp, UnfoldOp, MaxPoolOp, LinearOp, AttentionOp, LayerNormOp, RmsNormOp, GeluOp, ReluOp,
            SiluOp, ScaleColumnsOp, MeanPoolOp, ChooseQParamsOp, QuantizeOp, quant::QuantizeCastOp,
            quant::DequantizeCastOp, quant::StorageCastOp, arith::ConstantOp, arith::AddFOp, arith::SubFOp,
            arith::MulFOp, arith::DivFOp, tensor::ExtractSliceOp, tensor::ConcatOp, tensor::ExpandShapeOp,
            tensor::CollapseShapeOp, func::ReturnOp>([&](auto op) { return translate(op); })
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

std::string OnnxTranslator::constant(Value tensor, ArrayRef<int64_t> shape) {
  ElementsAttr elements = constantOf(tensor);
  return graph.addConstant(resourceNameOf(elements), onnxTypeOf(tensor), shape,
                           *readRaw(elements)); // which translate(arith::ConstantOp) has checked
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
                           std::string(1, static_cast<char>(type.getZeroPoint())));
}

std::string OnnxTranslator::quantize(const std::string &real, quant::UniformQuantizedType type) {
  std::string stored = node(
      "QuantizeLinear", {real, scalar("scale", static_cast<float>(type.getScale())), zeroPoint(graph, scope, type)});
  int64_t low = type.getStorageTypeMin(), high = type.getStorageTypeMax();
  bool isSigned = type.isSigned();
  if (low == quant::QuantizedType::getDefaultMinimumForInteger(isSigned, 8) &&
      high == quant::QuantizedType::getDefaultMaximumForInteger(isSigned, 8))
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
