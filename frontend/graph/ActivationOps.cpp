// Functions of each element.
#include "frontend/graph/Converter.h"
#include "frontend/graph/ElementFunctions.h"
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

FailureOr<View> Converter::applied(const View &view, std::function<double(double)> function) {
  FailureOr<View> operand = settled(view);
  if (failed(operand) || isConstant(*operand))
    return failed(operand) ? operand : foldFunction(*operand, function);
  FunctionSource result = asFunction(*operand);
  result.function = [f = result.function, function = std::move(function)](double x) { return function(f(x)); };
  return makeFunction(std::move(result));
}

/// A function of each element that may be a part of an activation.
FailureOr<Converter::Results> Converter::elementFunction() {
  FailureOr<View> self = view("self");
  if (failed(self))
    return failure();
  StringRef name = node->op;
  if (auto *truth = getSource<TruthSource>(*self); truth && name.ends_with("_not"))
    return Results{View{std::make_shared<Source>(TruthSource{!truth->value}), self->map}};
  UnaryFunction function = findUnaryFunction(name.ends_with("_") ? name.drop_back() : name);
  if (name.starts_with("bitwise") && graph[node->results.front()].type != ScalarType::truth)
    return emitter.fail("expected truth values, found bits of integers");
  return results(applied(*self, function));
}

FailureOr<Converter::Results> Converter::negate() {
  FailureOr<View> self = view("self");
  return failed(self) ? FailureOr<Results>(failure()) : results(scaledBy(*self, -1));
}

FailureOr<Converter::Results> Converter::gelu() {
  const Argument *approximate = node->find("approximate");
  const auto *form = approximate ? approximate->as<std::string>() : nullptr;
  if (!form || *form == "none")
    return elementFunction();
  if (*form != "tanh")
    return emitter.fail("expected 'none' or 'tanh' as argument 'approximate', found '{0}'", *form);
  FailureOr<View> self = view("self");
  return failed(self) ? FailureOr<Results>(failure()) : results(applied(*self, geluByTanh));
}

FailureOr<Converter::Results> Converter::clamp() {
  FailureOr<View> self = view("self");
  double low = number("min").value_or(-HUGE_VAL), high = number("max").value_or(HUGE_VAL);
  if (failed(self))
    return failure();
  return results(applied(*self, [=](double x) { return std::min(std::max(x, low), high); }));
}

} // namespace vitya
