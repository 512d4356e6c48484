// Recognises functions of each element as the activations that have ops.
#include "frontend/graph/ElementFunctions.h"
#include "frontend/graph/Emitter.h"
#include <cmath>

using namespace mlir;

namespace vitya {

/// The activation that `function` computes.
static std::optional<Emitter::Activation> recognizeActivation(llvm::function_ref<double(double)> function) {
  using Activation = Emitter::Activation;
  const std::pair<Activation, std::function<double(double)>> known[] = {
      {Activation::geluErf, findUnaryFunction("gelu")},
      {Activation::geluTanh, geluByTanh},
      {Activation::geluQuick, [](double x) { return x / (1 + std::exp(-1.702 * x)); }},
      {Activation::relu, findUnaryFunction("relu")},
      {Activation::silu, findUnaryFunction("silu")}};
  auto isSame = [&](const std::function<double(double)> &form) {
    // The forms differ by more than 1e-4 in this range, constants that are written with six digits by less than 1e-5.
    constexpr double step = 0.125, range = 6, tolerance = 1e-5;
    for (double x = -range; x <= range; x += step)
      if (!(std::abs(function(x) - form(x)) < tolerance))
        return false;
    return true;
  };
  for (const auto &[activation, form] : known)
    if (isSame(form))
      return activation;
  return std::nullopt;
}

/// The op that applies `activation` to `operand`.
Value Emitter::activate(Activation activation, Value operand) {
  switch (activation) {
  case Activation::geluErf:
    return GeluOp::create(builder, location("gelu"), GeluForm::erf, operand);
  case Activation::geluTanh:
    return GeluOp::create(builder, location("gelu"), GeluForm::tanh, operand);
  case Activation::geluQuick:
    return GeluOp::create(builder, location("gelu"), GeluForm::quick, operand);
  case Activation::relu:
    return ReluOp::create(builder, location("relu"), operand);
  case Activation::silu:
    return SiluOp::create(builder, location("silu"), operand);
  }
  llvm_unreachable("an activation without an op");
}

/// A view of what the model computes in steps as a view of the result of an op.
FailureOr<View> Emitter::evaluate(const View &view) {
  if (getSource<NormSource>(view))
    return evaluateNorm(view);
  if (getSource<ScaledSource>(view))
    return evaluateScaled(view);
  if (getSource<RotarySource>(view))
    return evaluateRotary(view);
  FunctionSource source = *getSource<FunctionSource>(view);
  std::optional<Activation> activation =
      recognizeActivation([&](double x) { return view.factor * source.function(x); });
  if (!activation && getSource<ImageSource>(source.operand))
    return fail(
        "expected (image - mean) / std with a positive std for each channel as the only function of the pixels, "
        "found another");
  if (!activation)
    return fail("expected ReLU, SiLU or a GELU, exact, by tanh or x * sigmoid(1.702 * x), found another function of "
                "each element");
  FailureOr<Rows> operand = whole(source.operand);
  if (failed(operand))
    return failure();
  evaluatedSources.push_back(view.source);
  View &known = functions[{view.source.get(), *activation}];
  if (!known.source)
    known = {std::make_shared<Source>(TokensSource{activate(*activation, operand->value)}), operand->map};
  FailureOr<IndexMap> map = arranged(known.map.compose(view.map));
  return failed(map) ? FailureOr<View>(failure()) : View{known.source, *map};
}

} // namespace vitya
