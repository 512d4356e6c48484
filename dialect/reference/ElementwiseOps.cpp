// Element by element.
#include "dialect/reference/Elementary.h"
#include "dialect/reference/Ops.h"

namespace vitya::reference {

Tensor zipElements(const Tensor &a, const Tensor &b, llvm::function_ref<float(float, float)> function) {
  Tensor result(a.shape(), a.elementType());
  for (auto [left, right, to] : llvm::zip_equal(a.values(), b.values(), result.mutableValues()))
    to = function(left, right);
  return result;
}

Tensor gelu(const Tensor &input, GeluForm form) {
  Tensor bell(input.shape(), input.elementType()), result(input.shape(), input.elementType());
  constexpr float sqrtHalf = 0.70710678118654752f, sqrtTwoOverPi = 0.79788456080286536f;
  for (auto [x, to] : llvm::zip_equal(input.values(), bell.mutableValues()))
    to = form == GeluForm::erf ? x * sqrtHalf : sqrtTwoOverPi * (x + 0.044715f * x * (x * x));
  form == GeluForm::erf ? errorFunctions(bell.mutableValues()) : hyperbolicTangents(bell.mutableValues());
  for (auto [x, function, to] : llvm::zip_equal(input.values(), bell.values(), result.mutableValues()))
    to = x * 0.5f * (function + 1.0f);
  return result;
}

} // namespace vitya::reference
