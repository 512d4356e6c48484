// Element by element.
#include "dialect/arithmetic/ArrayFunctions.h"
#include "dialect/reference/Ops.h"

namespace vitya::reference {

Tensor zipElements(const Tensor &a, const Tensor &b, llvm::function_ref<float(float, float)> function) {
  Tensor result(a.shape(), a.elementType());
  for (auto [left, right, to] : llvm::zip_equal(a.values(), b.values(), result.mutableValues()))
    to = function(left, right);
  return result;
}

Tensor gelu(const Tensor &input, GeluForm form) {
  Tensor result(input.shape(), input.elementType());
  llvm::MutableArrayRef<float> values = result.mutableValues();
  llvm::copy(input.values(), values.begin());
  numerics::FloatArray array(values.data(), values.size());
  form == GeluForm::erf ? numerics::gelusErf(array) : numerics::gelusTanh(array);
  return result;
}

} // namespace vitya::reference
