// Element by element.
#include "dialect/reference/Ops.h"
#include <cmath>

namespace vitya::reference {

Tensor mapElements(const Tensor &input, llvm::function_ref<double(double)> function) {
  Tensor result(input.shape(), input.elementType());
  for (auto [from, to] : llvm::zip_equal(input.values(), result.mutableValues()))
    to = static_cast<float>(function(from));
  return result;
}

Tensor zipElements(const Tensor &a, const Tensor &b, llvm::function_ref<float(float, float)> function) {
  Tensor result(a.shape(), a.elementType());
  for (auto [left, right, to] : llvm::zip_equal(a.values(), b.values(), result.mutableValues()))
    to = function(left, right);
  return result;
}

Tensor gelu(const Tensor &input, GeluForm form) {
  constexpr double sqrtHalf = 0.70710678118654752440, sqrtTwoOverPi = 0.79788456080286535588;
  switch (form) {
  case GeluForm::erf:
    return mapElements(input, [=](double x) { return x / 2 * (1 + std::erf(x * sqrtHalf)); });
  case GeluForm::tanh:
    return mapElements(input,
                       [=](double x) { return x / 2 * (1 + std::tanh(sqrtTwoOverPi * (x + 0.044715 * x * x * x))); });
  }
  llvm_unreachable("every form is handled");
}

} // namespace vitya::reference
