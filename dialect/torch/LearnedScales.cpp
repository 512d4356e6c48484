// Scales are part of types, so storing them changes the types of values.
#include "dialect/torch/LearnedScales.h"
#include "dialect/VityaOps.h"
#include "dialect/torch/Ops.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include <cmath>

using namespace mlir;

namespace vitya::autograd {

static quant::QuantizedType elementOf(Value value) {
  return dyn_cast<quant::QuantizedType>(getElementTypeOrSelf(value.getType()));
}

/// The scales of values of type `element`.
static Parameter parameterOf(StringRef name, quant::QuantizedType element) {
  Parameter parameter;
  parameter.name = name.str();
  SmallVector<double> scales;
  if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(element))
    llvm::append_range(scales, perAxis.getScales());
  else
    scales.push_back(cast<quant::UniformQuantizedType>(element).getScale());
  for (double scale : scales)
    parameter.values.push_back(static_cast<float>(std::log(scale)));
  parameter.shape.push_back(static_cast<int64_t>(scales.size()));
  return parameter;
}

std::vector<Parameter> findScales(Block &body, ArrayRef<Parameter> weights) {
  std::vector<Parameter> result;
  for (const Parameter &weight : weights) {
    if (weight.scales.empty() || !weight.isMatrix)
      continue;
    Parameter parameter = parameterOf(weight.name, elementOf(valueOf(weight.constants.front())));
    for (arith::ConstantOp constant : weight.constants)
      parameter.quantized.push_back(valueOf(constant));
    result.push_back(std::move(parameter));
  }
  for (auto cast : body.getOps<quant::QuantizeCastOp>()) {
    result.push_back(parameterOf("activation", elementOf(cast.getResult())));
    result.back().quantized.push_back(cast.getResult());
  }
  return result;
}

Value scaleSource(Value quantized) {
  Operation *op = quantized.getDefiningOp();
  while (op && !isa<quant::QuantizeCastOp>(op) && op->getNumOperands() > 0 && elementOf(op->getOperand(0)))
    op = op->getOperand(0).getDefiningOp();
  return isa_and_nonnull<quant::QuantizeCastOp>(op) ? op->getResult(0) : Value();
}

/// Gives `value`, whose elements have the type `from`, and what ops make of it elements of the type `to`.
static void changeElements(Value value, quant::QuantizedType from, quant::QuantizedType to) {
  value.setType(cast<RankedTensorType>(value.getType()).clone(to));
  for (Operation *user : value.getUsers())
    for (Value result : user->getResults())
      if (elementOf(result) == from)
        changeElements(result, from, to);
}

void storeScales(Parameter &parameter, ArrayRef<float> logarithms) {
  parameter.values = logarithms.vec();
  std::vector<double> scales = scalesOf(logarithms);
  for (Value value : parameter.quantized) {
    quant::QuantizedType element = elementOf(value), changed;
    if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(element))
      changed = quant::UniformQuantizedPerAxisType::get(
          element.getFlags(), element.getStorageType(), element.getExpressedType(), scales, perAxis.getZeroPoints(),
          perAxis.getQuantizedDimension(), element.getStorageTypeMin(), element.getStorageTypeMax());
    else
      changed =
          quant::UniformQuantizedType::get(element.getFlags(), element.getStorageType(), element.getExpressedType(),
                                           scales.front(), cast<quant::UniformQuantizedType>(element).getZeroPoint(),
                                           element.getStorageTypeMin(), element.getStorageTypeMax());
    changeElements(value, element, changed);
  }
}

} // namespace vitya::autograd
