// Integers and bf16 are trained as the f32 values that they stand for.
#include "dialect/torch/Parameter.h"
#include "dialect/Constants.h"
#include "dialect/QuantTypes.h"
#include "dialect/VityaOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include <cmath>

using namespace mlir;

namespace vitya::autograd {

Value valueOf(arith::ConstantOp constant) {
  if (constant->hasOneUse())
    if (auto cast = dyn_cast<quant::StorageCastOp>(*constant->user_begin()))
      return cast.getResult();
  return constant.getResult();
}

/// The linear layer whose bias is the integers of `constant`; null if there is none.
static LinearOp biasReader(arith::ConstantOp constant) {
  for (Operation *user : constant->getUsers())
    if (auto linear = dyn_cast<LinearOp>(user))
      return linear.getBias() == constant.getResult() ? linear : LinearOp();
  return {};
}

/// The scales of the integers of `constant`, which are a weight, or the bias of a quantized layer; one for each row.
static FailureOr<SmallVector<double>> readScales(arith::ConstantOp constant) {
  auto type = cast<RankedTensorType>(valueOf(constant).getType());
  LinearOp layer = biasReader(constant);
  if (isa<quant::QuantizedType>(type.getElementType()))
    return weightScales(type, [&] { return constant.emitOpError(); });
  FailureOr<SmallVector<double>> scales =
      weightScales(layer.getWeight().getType(), [&] { return layer.emitOpError(); });
  if (succeeded(scales)) {
    SmallVector<float> factors =
        rowFactors(cast<RankedTensorType>(layer.getInput().getType()).getElementType(), *scales);
    scales->assign(factors.begin(), factors.end());
  }
  return scales;
}

/// Reads the integers of a weight or a bias and their scales.
static LogicalResult readIntegers(arith::ConstantOp constant, ElementsAttr elements, Parameter &parameter) {
  FailureOr<std::vector<char>> bytes = readRaw(elements);
  auto type = dyn_cast<RankedTensorType>(valueOf(constant).getType());
  LinearOp layer = biasReader(constant);
  if (failed(bytes) || !type)
    return constant.emitOpError("expected a constant tensor with all its bytes, found one without them");
  int64_t count = elements.getNumElements();
  std::vector<int32_t> integers(count);
  if (isa<quant::QuantizedType>(type.getElementType())) {
    auto element = cast<quant::QuantizedType>(type.getElementType());
    parameter.min = element.getStorageTypeMin();
    parameter.max = element.getStorageTypeMax();
    llvm::transform(*bytes, integers.begin(), [](char byte) { return static_cast<signed char>(byte); });
  } else if (layer && layer.isQuantized() && type.getElementType().isInteger(32)) {
    parameter.min = std::numeric_limits<int32_t>::min();
    parameter.max = std::numeric_limits<int32_t>::max();
    std::memcpy(integers.data(), bytes->data(), bytes->size());
  } else {
    return constant.emitOpError("expected a constant of f32, or the integers of a quantized layer, found ")
           << constant.getType();
  }
  FailureOr<SmallVector<double>> scales = readScales(constant);
  if (failed(scales))
    return failure();
  parameter.scales.assign(scales->begin(), scales->end());
  int64_t perScale = count / parameter.scales.size();
  for (int64_t i = 0; i < count; ++i)
    parameter.values.push_back(static_cast<float>(integers[i] * parameter.scales[i / perScale]));
  return success();
}

FailureOr<Parameter> readParameter(arith::ConstantOp constant) {
  auto elements = dyn_cast<ElementsAttr>(constant.getValue());
  if (!elements)
    return constant.emitOpError("expected a constant tensor, found a value of type ") << constant.getType();
  Parameter parameter;
  ShapedType type = elements.getShapedType();
  parameter.name = resourceNameOf(elements).str();
  parameter.shape = type.getShape().vec();
  parameter.constants.push_back(constant);
  Value value = valueOf(constant);
  parameter.isMatrix = llvm::any_of(value.getUsers(), [&](Operation *user) {
    auto linear = dyn_cast<LinearOp>(user);
    return linear && linear.getWeight() == value;
  });
  if (!isa<FloatType>(type.getElementType())) {
    if (failed(readIntegers(constant, elements, parameter)))
      return failure();
    return parameter;
  }
  FailureOr<std::vector<float>> values = readFloats(elements);
  if (failed(values))
    return constant.emitOpError("expected a constant with all its bytes, found one without them");
  parameter.values = std::move(*values);
  return parameter;
}

void storeParameter(Parameter &parameter, ArrayRef<float> values) {
  parameter.values = values.vec();
  if (!parameter.scales.empty()) { // they may have been learned
    FailureOr<SmallVector<double>> scales = readScales(parameter.constants.front());
    assert(succeeded(scales) && "the scales were read before, and learned ones are in range");
    parameter.scales.assign(scales->begin(), scales->end());
  }
  auto elements = cast<ElementsAttr>(parameter.constants.front().getValue());
  ShapedType type = elements.getShapedType();
  std::vector<char> bytes;
  auto append = [&](auto number) {
    auto *raw = reinterpret_cast<const char *>(&number);
    bytes.insert(bytes.end(), raw, raw + sizeof(number));
  };
  int64_t perScale = parameter.scales.empty() ? 1 : values.size() / parameter.scales.size();
  for (auto [i, value] : llvm::enumerate(values)) {
    if (parameter.scales.empty()) {
      append(value);
      continue;
    }
    double integer = std::clamp(std::nearbyint(double(value) / parameter.scales[i / perScale]), double(parameter.min),
                                double(parameter.max));
    type.getElementType().isInteger(32) ? append(static_cast<int32_t>(integer)) : append(static_cast<int8_t>(integer));
  }
  if (type.getElementType().isBF16())
    bytes = roundToBf16(values);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements)) {
    resource.getRawHandle().getResource()->setBlob(HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, 64));
    return;
  }
  // A literal keeps its place in the constants.
  DenseElementsAttr literal = DenseElementsAttr::getFromRawBuffer(type, bytes);
  for (arith::ConstantOp constant : parameter.constants)
    constant.setValueAttr(literal);
}

} // namespace vitya::autograd
