// Functions of each element.
#include "frontend/graph/Converter.h"
#include <cmath>

using namespace mlir;

namespace vitya {

/// A function takes few steps; more would only take time.
constexpr unsigned kMaxSteps = 256;

/// A value as a function of each element of another: of itself, unless it was computed as one.
static FunctionSource asFunction(const View &view) {
  FunctionSource result{{view.source, view.map}, [factor = view.factor](double x) { return factor * x; }, 1};
  auto *source = getSource<FunctionSource>(view);
  std::optional<IndexMap> map = source ? source->operand.map.compose(view.map) : std::nullopt;
  if (map)
    result = {{source->operand.source, *map, source->operand.factor},
              [factor = view.factor, f = source->function](double x) { return factor * f(x); },
              source->steps + 1};
  return result;
}

FailureOr<View> Converter::makeFunction(FunctionSource function) {
  if (function.steps > kMaxSteps)
    return emitter.fail("expected a function of each element of at most {0} steps, found more", kMaxSteps);
  IndexMap map = *IndexMap::rowMajor(function.operand.map.shape());
  return View{std::make_shared<Source>(std::move(function)), map};
}

FailureOr<View> Converter::combine(const View &left, const View &right, double (*operation)(double, double)) {
  FunctionSource a = asFunction(left), b = asFunction(right);
  if (a.operand.source != b.operand.source || !(a.operand.map == b.operand.map) || a.operand.factor != b.operand.factor)
    return failure();
  return makeFunction({a.operand,
                       [f = a.function, g = b.function, operation](double x) { return operation(f(x), g(x)); },
                       a.steps + b.steps + 1});
}

FailureOr<View> Converter::addNumber(const View &view, double added) {
  FunctionSource function = asFunction(view);
  function.function = [f = function.function, added](double x) { return f(x) + added; };
  return makeFunction(std::move(function));
}

/// A function of each element that may be a part of an activation.
FailureOr<Converter::Results> Converter::elementFunction() {
  FailureOr<View> self = view("self");
  if (failed(self))
    return failure();
  StringRef name = node->op;
  name.consume_back("_"); // in place
  double exponent = number("exponent").value_or(1);
  std::function<double(double)> own;
  if (name == "pow" && number("exponent"))
    own = [exponent](double x) { return std::pow(x, exponent); };
  else if (name == "sigmoid")
    own = [](double x) { return 1 / (1 + std::exp(-x)); };
  else if (name == "relu")
    own = [](double x) { return std::max(x, 0.0); };
  else if (name == "silu")
    own = [](double x) { return x / (1 + std::exp(-x)); };
  else if (name == "tanh")
    own = [](double x) { return std::tanh(x); };
  else if (name == "erf")
    own = [](double x) { return std::erf(x); };
  else
    return emitter.fail("expected a power with a number as exponent, found another");
  FunctionSource function = asFunction(*self);
  function.function = [f = function.function, own = std::move(own)](double x) { return own(f(x)); };
  FailureOr<View> result = makeFunction(std::move(function));
  return failed(result) ? FailureOr<Results>(failure()) : Results{*result};
}

FailureOr<Converter::Results> Converter::gelu() {
  FailureOr<View> self = view("self");
  if (failed(self))
    return failure();
  const Argument *approximate = node->find("approximate");
  const auto *form = approximate ? approximate->as<std::string>() : nullptr;
  if (form && *form != "tanh" && *form != "none")
    return emitter.fail("expected 'none' or 'tanh' as argument 'approximate', found '{0}'", *form);
  FailureOr<Emitter::Rows> whole = emitter.whole(*self);
  if (failed(whole))
    return failure();
  Value result = GeluOp::create(builder, emitter.location("gelu"),
                                form && *form == "tanh" ? GeluForm::tanh : GeluForm::erf, whole->value);
  return Results{View{std::make_shared<Source>(TokensSource{result}), whole->map}};
}

} // namespace vitya
