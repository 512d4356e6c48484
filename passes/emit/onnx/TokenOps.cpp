// Translates the ops on single elements, on the shape of tensors, and those that quantize.
#include "dialect/Constants.h"
#include "passes/emit/onnx/Translator.h"
#include <limits>

using namespace mlir;

namespace vitya {

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

std::string OnnxTranslator::sigmoidProduct(Value tensor, float factor) {
  std::string x = valueOf(tensor);
  return node("Mul", {x, node("Sigmoid", {factor == 1 ? x : node("Mul", {x, scalar("factor", factor)})})});
}

LogicalResult OnnxTranslator::translate(GeluOp op) {
  switch (op.getForm()) {
  case GeluForm::erf:
    return define(op, node("Gelu", {valueOf(op.getInput())}, {{"approximate", StringRef("none")}}));
  case GeluForm::tanh:
    return define(op, node("Gelu", {valueOf(op.getInput())}, {{"approximate", StringRef("tanh")}}));
  case GeluForm::quick:
    return define(op, sigmoidProduct(op.getInput(), 1.702f));
  }
  llvm_unreachable("every form is handled");
}

LogicalResult OnnxTranslator::translate(ReluOp op) { return define(op, node("Relu", {valueOf(op.getInput())})); }

LogicalResult OnnxTranslator::translate(SiluOp op) { return define(op, sigmoidProduct(op.getInput(), 1)); }

// Runtimes multiply f32, so the rounded numbers are converted back.
LogicalResult OnnxTranslator::translate(ToBf16Op op) {
  return define(op, convert(convert(valueOf(op.getInput()), OnnxType::bf16), OnnxType::f32));
}

LogicalResult OnnxTranslator::translate(ScaleColumnsOp op) {
  return define(op, node("Mul", {valueOf(op.getInput()), valueOf(op.getFactors())}));
}

template <typename Op>
LogicalResult OnnxTranslator::translateBinary(Op op, StringRef type) {
  return define(op, node(type, {valueOf(op.getLhs()), valueOf(op.getRhs())}));
}

LogicalResult OnnxTranslator::translate(arith::AddFOp op) { return translateBinary(op, "Add"); }
LogicalResult OnnxTranslator::translate(arith::SubFOp op) { return translateBinary(op, "Sub"); }
LogicalResult OnnxTranslator::translate(arith::MulFOp op) { return translateBinary(op, "Mul"); }
LogicalResult OnnxTranslator::translate(arith::DivFOp op) { return translateBinary(op, "Div"); }

LogicalResult OnnxTranslator::translate(MeanPoolOp op) {
  return define(op, node("ReduceMean", {valueOf(op.getInput()), integers("axes", {1})}));
}

//===----------------------------------------------------------------------===//
// Quantization
//===----------------------------------------------------------------------===//

/// The least normal f32, which is the least scale that vitya.choose_qparams computes.
static constexpr float kLeastScale = std::numeric_limits<float>::min();

LogicalResult OnnxTranslator::translate(ChooseQParamsOp op) {
  std::string x = valueOf(op.getInput()), nothing = scalar("zero", 0);
  std::string levels = scalar("levels", static_cast<float>(op.getLevels()));
  std::string axes = op.getGranularity() == Granularity::token ? integers("axes", {2}) : integers("axes", {1, 2});
  std::string low = node("Min", {node("ReduceMin", {x, axes}), nothing});
  std::string high = node("Max", {node("ReduceMax", {x, axes}), nothing});
  std::string step = node("Div", {node("Sub", {high, low}), levels});
  std::string scale = node("Max", {step, scalar("least", kLeastScale)});
  std::string zero = node("Clip", {node("Round", {node("Div", {node("Neg", {low}), scale})}), nothing, levels});
  return define(op, node("Concat", {scale, zero}, {{"axis", 2}}));
}

std::string OnnxTranslator::columnOfParams(Value params, int64_t index) {
  return node("Gather", {valueOf(params), integers("column", {index})}, {{"axis", 2}});
}

LogicalResult OnnxTranslator::translate(QuantizeOp op) {
  if (!isQuantized(op.getType().getElementType()))
    return op.emitError("expected a result of a quantized type, found ") << op.getType();
  std::string scale = columnOfParams(op.getParams(), 0), zero = columnOfParams(op.getParams(), 1);
  std::string steps = node("Round", {node("Mul", {valueOf(op.getInput()), node("Reciprocal", {scale})})});
  std::string clamped =
      node("Clip", {node("Add", {steps, zero}), scalar("low", 0), scalar("high", static_cast<float>(op.getLevels()))});
  return define(op, convert(clamped, OnnxType::u8));
}

LogicalResult OnnxTranslator::translate(quant::QuantizeCastOp op) {
  auto type = dyn_cast<quant::UniformQuantizedType>(op.getQuantizedType());
  if (!type || type.getStorageTypeIntegralWidth() != 8)
    return op.emitError("expected a type of 8 bits with one scale, found ") << op.getQuantizedType();
  return define(op, quantize(valueOf(op.getInput()), type));
}

LogicalResult OnnxTranslator::translate(quant::DequantizeCastOp op) {
  auto type = dyn_cast<quant::UniformQuantizedType>(op.getQuantizedType());
  if (!type)
    return op.emitError("expected a type with one scale, found ") << op.getQuantizedType();
  return define(op, dequantize(valueOf(op.getInput()), type));
}

/// A constant and the quantized weight that it is cast to become one constant where they are read.
LogicalResult OnnxTranslator::translate(quant::StorageCastOp op) {
  if (!constantOf(op.getResult()))
    return op.emitError("expected a cast of a constant, found that of another value");
  return success();
}

LogicalResult OnnxTranslator::translate(arith::ConstantOp op) {
  ElementsAttr elements = constantOf(op.getResult());
  if (!elements || failed(readRaw(elements)))
    return op.emitError("expected a constant tensor with all its elements, found ") << op.getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

LogicalResult OnnxTranslator::translate(tensor::ExtractSliceOp op) {
  if (op.getNumOperands() != 1)
    return op.emitError("expected static offsets, sizes and strides, found others");
  SmallVector<int64_t> starts, ends, axes, steps;
  for (auto [axis, whole] : llvm::enumerate(op.getSourceType().getShape())) {
    int64_t size = op.getStaticSize(axis);
    if (size == whole)
      continue;
    starts.push_back(op.getStaticOffset(axis));
    steps.push_back(op.getStaticStride(axis));
    ends.push_back(starts.back() + (size - 1) * steps.back() + 1);
    axes.push_back(axis + 1);
  }
  std::string slice = node("Slice", {valueOf(op.getSource()), integers("starts", starts), integers("ends", ends),
                                     integers("axes", axes), integers("steps", steps)});
  bool dropsDimensions = op.getType().getRank() != op.getSourceType().getRank();
  return define(op, dropsDimensions ? reshape(slice, op.getType().getShape()) : slice);
}

LogicalResult OnnxTranslator::translate(tensor::ConcatOp op) {
  bool anyDepends = dependent.contains(op.getResult());
  SmallVector<std::string> inputs;
  for (Value each : op.getInputs())
    inputs.push_back(anyDepends ? batched(each) : valueOf(each));
  return define(op, node("Concat", inputs, {{"axis", static_cast<int64_t>(op.getDim()) + 1}}));
}

LogicalResult OnnxTranslator::translate(tensor::ExpandShapeOp op) {
  return define(op, reshape(valueOf(op.getSrc()), op.getResultType().getShape()));
}

LogicalResult OnnxTranslator::translate(tensor::CollapseShapeOp op) {
  return define(op, reshape(valueOf(op.getSrc()), op.getResultType().getShape()));
}

LogicalResult OnnxTranslator::translate(func::ReturnOp op) {
  Value logits = op.getOperand(0);
  scope = output;
  SmallVector<int64_t> shape{-1, cast<ShapedType>(logits.getType()).getDimSize(1)};
  graph.addOutputNode(output, "Reshape", {batched(logits), integers("shape", shape)});
  return success();
}

} // namespace vitya
