// Element by element.
#include "dialect/arithmetic/ArrayFunctions.h"
#include "dialect/arithmetic/Bf16.h"
#include "dialect/arithmetic/FloatArithmetic.h"
#include "dialect/reference/Ops.h"

namespace vitya::reference {

Tensor zipElements(const Tensor &a, const Tensor &b, llvm::function_ref<float(float, float)> function) {
  Tensor result(a.shape(), a.elementType());
  for (auto [left, right, to] : llvm::zip_equal(a.values(), b.values(), result.mutableValues()))
    to = function(left, right);
  return result;
}

Tensor subtractIntegers(const Tensor &a, const Tensor &b) {
  Tensor result(a.shape(), a.elementType());
  for (auto [left, right, to] :
       llvm::zip_equal(a.values<int32_t>(), b.values<int32_t>(), result.mutableValues<int32_t>()))
    to = static_cast<int32_t>(static_cast<uint32_t>(left) - static_cast<uint32_t>(right));
  return result;
}

/// A copy of `input` whose elements `function` has replaced.
static Tensor mapElements(const Tensor &input, void (*function)(numerics::FloatArray)) {
  Tensor result(input.shape(), input.elementType());
  llvm::MutableArrayRef<float> values = result.mutableValues();
  llvm::copy(input.values(), values.begin());
  function(numerics::FloatArray(values.data(), values.size()));
  return result;
}

Tensor gelu(const Tensor &input, GeluForm form) {
  switch (form) {
  case GeluForm::erf:
    return mapElements(input, numerics::gelusErf);
  case GeluForm::tanh:
    return mapElements(input, numerics::gelusTanh);
  case GeluForm::quick:
    return mapElements(input, numerics::gelusQuick);
  }
  llvm_unreachable("every form is handled");
}

Tensor relu(const Tensor &input) { return mapElements(input, numerics::rectify); }

Tensor silu(const Tensor &input) { return mapElements(input, numerics::sigmoidLinears); }

Tensor toBf16(const Tensor &input, mlir::Type type) {
  numerics::FloatArithmetic a;
  Tensor result(input.shape(), type);
  for (auto [from, to] : llvm::zip_equal(input.values(), result.mutableValues<Eigen::bfloat16>()))
    to = numerics::toBf16(a, from);
  return result;
}

Tensor scaleColumns(const Tensor &input, const Tensor &factors) {
  Tensor result(input.shape(), input.elementType());
  Eigen::Map<const Eigen::RowVectorXf> row(factors.values().data(), factors.size());
  result.mutableMatrix() = input.matrix().array().rowwise() * row.array();
  return result;
}

} // namespace vitya::reference
