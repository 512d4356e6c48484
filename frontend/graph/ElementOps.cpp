// Sums, products and quotients.
#include "frontend/graph/Converter.h"
#include "frontend/graph/ElementFunctions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;

namespace vitya {

static double sumOf(double x, double y) { return x + y; }
static double productOf(double x, double y) { return x * y; }

LogicalResult Converter::broadcast(MutableArrayRef<View> views) {
  SmallVector<int64_t> shape;
  for (const View &view : views) {
    SmallVector<int64_t> own = view.map.shape();
    if (own.size() > shape.size())
      shape.insert(shape.begin(), own.size() - shape.size(), 1);
    for (auto [size, given] : llvm::zip(llvm::reverse(shape), llvm::reverse(own)))
      size = std::max(size, given);
  }
  for (View &view : views) {
    FailureOr<View> result = settled(view);
    result = failed(result) ? result : rearranged(*result, result->map.expand(shape));
    if (failed(result))
      return failure();
    view = *result;
  }
  return success();
}

FailureOr<std::pair<View, View>> Converter::broadcast(const View &left, const View &right) {
  View both[] = {left, right};
  return failed(broadcast(both)) ? FailureOr<std::pair<View, View>>(failure()) : std::make_pair(both[0], both[1]);
}

/// The normalization of the pixels in `view`, or null unless it is a whole image.
static NormalizeOp normalizationOf(const View &view) {
  auto *source = getSource<ImageSource>(view);
  auto normalize = source ? source->value.getDefiningOp<NormalizeOp>() : NormalizeOp();
  bool isWhole = normalize && view.map.isRowMajor() && view.factor == 1 && view.map.rank() == 4 &&
                 view.map.elements() == normalize.getType().getNumElements();
  return isWhole ? normalize : NormalizeOp();
}

/// What the model subtracts from the pixels of each channel, or divides them by, as a part of the preprocessing.
/// Returns nothing unless `image` is the whole image and the standard deviations stay positive.
std::optional<View> Converter::normalizedBy(const View &image, ArrayRef<float> values, bool isDivision) {
  NormalizeOp normalize = normalizationOf(image);
  if (!normalize)
    return std::nullopt;
  SmallVector<float> means(normalize.getMean()), deviations(normalize.getStd());
  for (auto [value, mean, deviation] : llvm::zip_equal(values, means, deviations))
    if (isDivision)
      deviation *= value;
    else
      mean += deviation * value;
  if (!llvm::all_of(means, [](float mean) { return std::isfinite(mean); }) ||
      !llvm::all_of(deviations, [](float deviation) { return std::isfinite(deviation) && deviation > 0; }))
    return std::nullopt;
  Value result = NormalizeOp::create(builder, normalize.getLoc(), normalize.getImage(), means, deviations);
  return View{std::make_shared<Source>(ImageSource{result}), image.map};
}

std::optional<View> Converter::normalized(const View &image, const View &constant, bool isDivision) {
  if (!normalizationOf(image) || !getSource<ConstantSource>(constant) || !constant.map.isCounting(2, 0) ||
      !constant.map.isCounting(3, 0))
    return std::nullopt;
  std::optional<IndexMap> column = constant.map.slice(2, 0, 1);
  column = column ? column->slice(3, 0, 1) : std::nullopt;
  FailureOr<std::vector<float>> values = emitter.read({constant.source, *column, constant.factor});
  return failed(values) ? std::nullopt : normalizedBy(image, *values, isDivision);
}

std::optional<View> Converter::normalized(const View &image, double number, bool isDivision) {
  if (!normalizationOf(image))
    return std::nullopt;
  return normalizedBy(image, SmallVector<float>(image.map.size(1), static_cast<float>(number)), isDivision);
}

FailureOr<View> Converter::plus(const View &view, double number) {
  if (std::optional<View> result = normalized(view, -number, /*isDivision=*/false))
    return *result;
  return applied(view, [number](double x) { return x + number; });
}

/// Whether a value is computed as a function of another.
static bool isFunction(const View &view) { return getSource<FunctionSource>(view); }

std::optional<View> Converter::vectorFor(const View &layer, const View &other) {
  auto *linear = getSource<LinearSource>(layer);
  auto *norm = getSource<NormSource>(layer);
  std::optional<IndexMap> inverse = layer.map.inverse();
  bool isPending = linear ? !linear->value && layer.factor == 1 : norm && !norm->result;
  if (!isPending || !getSource<ConstantSource>(other) || !inverse)
    return std::nullopt;
  int64_t outputs = linear ? linear->weight.map.size(0) : norm->operand.map.size(norm->operand.map.rank() - 1),
          elements = layer.map.elements();
  std::optional<IndexMap> flat = other.map.compose(*inverse);
  std::optional<IndexMap> matrix = flat ? flat->reshape({elements / outputs, outputs}) : std::nullopt;
  if (!matrix || elements % outputs != 0 || !matrix->isCounting(0, 0))
    return std::nullopt;
  // A single row of outputs may be computed from several tokens, which a vector cannot be added to.
  return View{other.source, *matrix->slice(0, 0, 1)->reshape({outputs}), other.factor};
}

FailureOr<Converter::Operands> Converter::operandsOf(const View &a, const View &b) {
  FailureOr<Emitter::Rows> anchor = emitter.whole(a);
  FailureOr<View> other = failed(anchor) ? FailureOr<View>(failure()) : emitter.inPlaceOf(*anchor, b);
  FailureOr<Value> value = failed(other) ? FailureOr<Value>(failure()) : emitter.matrix(*other);
  if (failed(value))
    return failure();
  return Operands{anchor->value, *value, anchor->map};
}

FailureOr<View> Converter::sum(const View &left, const View &right) {
  FailureOr<std::pair<View, View>> both = broadcast(left, right);
  if (failed(both))
    return failure();
  auto &[a, b] = *both;
  bool aIsConstant = getSource<ConstantSource>(a), bIsConstant = getSource<ConstantSource>(b);
  if (aIsConstant && bIsConstant)
    return foldConstants(a, b, sumOf);
  for (auto [scores, bias] : {std::pair(a, b), std::pair(b, a)})
    if (getSource<ScoresSource>(scores))
      return biased(scores, bias);
  if (isFunction(a) || isFunction(b))
    if (FailureOr<View> result = combine(a, b, sumOf); succeeded(result))
      return *result;
  if (std::optional<View> rotated = rotation(a, b))
    return *rotated;
  // A bias of a linear layer.
  const View &layer = aIsConstant ? b : a, &constant = aIsConstant ? a : b;
  if (std::optional<View> bias = getSource<LinearSource>(layer) ? vectorFor(layer, constant) : std::nullopt) {
    LinearSource result = *getSource<LinearSource>(layer);
    FailureOr<View> total = result.bias ? foldConstants(*result.bias, *bias, sumOf) : *bias;
    if (failed(total))
      return failure();
    result.bias = *total;
    return View{std::make_shared<Source>(std::move(result)), layer.map};
  }
  bool isSwapped = aIsConstant || left.map.elements() < a.map.elements();
  FailureOr<Operands> operands = operandsOf(isSwapped ? b : a, isSwapped ? a : b);
  if (failed(operands))
    return failure();
  // What was computed first comes first, and constants come last.
  auto [first, second, map] = *operands;
  if (!aIsConstant && !bIsConstant && second.getDefiningOp()->isBeforeInBlock(first.getDefiningOp()))
    std::swap(first, second);
  auto result = arith::AddFOp::create(builder, second.getLoc(), first, second);
  return View{std::make_shared<Source>(TokensSource{result}), map};
}

FailureOr<View> Converter::scaledBy(const View &view, double factor) {
  if (!std::isfinite(factor))
    return emitter.fail("expected a finite factor, found {0}", factor);
  if (std::optional<View> result = normalized(view, 1 / factor, /*isDivision=*/true))
    return *result;
  return View{view.source, view.map, view.factor * factor};
}

/// A product with a constant factor of each output of a linear layer (LayerScale), a part of an activation, or a gate.
FailureOr<View> Converter::product(const View &left, const View &right) {
  FailureOr<std::pair<View, View>> both = broadcast(left, right);
  if (failed(both))
    return failure();
  auto &[a, b] = *both;
  bool aIsConstant = getSource<ConstantSource>(a), bIsConstant = getSource<ConstantSource>(b);
  if (aIsConstant && bIsConstant)
    return foldConstants(a, b, productOf);
  const View &layer = aIsConstant ? b : a, &constant = aIsConstant ? a : b;
  std::optional<View> factors = aIsConstant || bIsConstant ? vectorFor(layer, constant) : std::nullopt;
  if (factors && getSource<NormSource>(layer)) {
    NormSource result = *getSource<NormSource>(layer);
    FailureOr<View> weight = result.weight ? foldConstants(*result.weight, *factors, productOf) : *factors;
    if (failed(weight))
      return failure();
    result.weight = *weight;
    result.name = Emitter::layerOf(getSource<ConstantSource>(*weight)->name).str();
    return View{std::make_shared<Source>(std::move(result)), layer.map, layer.factor};
  }
  if (factors) {
    LinearSource result = *getSource<LinearSource>(layer);
    FailureOr<View> rows = reshaped(*factors, {factors->map.elements(), 1});
    FailureOr<View> repeated = failed(rows) ? rows : rearranged(*rows, rows->map.expand(result.weight.map.shape()));
    if (failed(repeated))
      return failure();
    FailureOr<View> weight = foldConstants(result.weight, *repeated, productOf);
    FailureOr<View> bias = result.bias ? foldConstants(*result.bias, *factors, productOf) : FailureOr<View>(View());
    if (failed(weight) || failed(bias))
      return failure();
    result.weight = *weight;
    if (result.bias)
      result.bias = *bias;
    return View{std::make_shared<Source>(std::move(result)), layer.map};
  }
  if (FailureOr<View> result = combine(a, b, productOf); succeeded(result))
    return *result;
  for (auto [values, inverses] : {std::pair(a, b), std::pair(b, a)})
    if (std::optional<View> norm = rmsNormalized(values, inverses))
      return *norm;
  if (getSource<ProbabilitiesSource>(a) || getSource<ProbabilitiesSource>(b)) {
    bool isFirst = getSource<ProbabilitiesSource>(a);
    return View{std::make_shared<Source>(WeightedSource{isFirst ? a : b, isFirst ? b : a}),
                *IndexMap::rowMajor(a.map.shape())};
  }
  if (aIsConstant || bIsConstant)
    return View{std::make_shared<Source>(ScaledSource{layer, constant}), *IndexMap::rowMajor(a.map.shape())};
  // A gate, as in SwiGLU.
  FailureOr<Operands> operands = operandsOf(a, b);
  if (failed(operands))
    return failure();
  auto result = arith::MulFOp::create(builder, operands->first.getLoc(), operands->first, operands->second);
  return View{std::make_shared<Source>(TokensSource{result}), operands->map};
}

FailureOr<Converter::Results> Converter::add() {
  FailureOr<View> self = view("self");
  if (failed(self))
    return failure();
  double alpha = number("alpha").value_or(1);
  if (std::optional<double> given = number("other"))
    return results(plus(*self, *given * alpha));
  FailureOr<View> other = view("other");
  FailureOr<View> scaled = failed(other) ? other : scaledBy(*other, alpha);
  return failed(scaled) ? FailureOr<Results>(failure()) : results(sum(*self, *scaled));
}

/// self - alpha other, where one may be a number, or with the operands swapped.
FailureOr<Converter::Results> Converter::subtract() {
  bool isSwapped = node->op == "rsub";
  StringRef first = isSwapped ? "other" : "self", second = isSwapped ? "self" : "other";
  double alpha = number("alpha").value_or(1);
  std::optional<double> minuend = number(first), subtrahend = number(second);
  FailureOr<View> left = minuend ? FailureOr<View>(View()) : view(first),
                  right = subtrahend ? FailureOr<View>(View()) : view(second);
  if (failed(left) || failed(right))
    return failure();
  if (subtrahend)
    return results(plus(*left, -alpha * *subtrahend));
  if (minuend)
    return results(applied(*right, [minuend, alpha](double x) { return *minuend - alpha * x; }));
  if (getSource<ImageSource>(*left) && alpha == 1)
    if (FailureOr<std::pair<View, View>> both = broadcast(*left, *right); succeeded(both))
      if (std::optional<View> result = normalized(both->first, both->second, /*isDivision=*/false))
        return Results{*result};
  FailureOr<View> negated = scaledBy(*right, -alpha);
  return failed(negated) ? FailureOr<Results>(failure()) : results(sum(*left, *negated));
}

FailureOr<Converter::Results> Converter::multiply() {
  FailureOr<View> self = view("self");
  if (failed(self))
    return failure();
  std::optional<double> factor = number("other");
  FailureOr<View> other = factor ? FailureOr<View>(*self) : view("other");
  return failed(other) ? FailureOr<Results>(failure())
                       : results(factor ? scaledBy(*self, *factor) : product(*self, *other));
}

FailureOr<Converter::Results> Converter::divide() {
  FailureOr<View> self = operand("self"), other = operand("other");
  if (failed(self) || failed(other))
    return failure();
  std::optional<double> divisor = number("other");
  const Argument *rounding = node->find("rounding_mode");
  bool isRounded = rounding && !rounding->isNone();
  if (divisor && !isRounded)
    return results(scaledBy(*self, 1 / *divisor));
  FailureOr<std::pair<View, View>> both = broadcast(*self, *other);
  if (failed(both))
    return failure();
  auto &[a, b] = *both;
  if (std::optional<View> result = isRounded ? std::nullopt : normalized(a, b, /*isDivision=*/true))
    return Results{*result};
  if (isFunction(b) && !isRounded) {
    FailureOr<View> inverse = applied(b, [](double x) { return 1 / x; });
    std::optional<View> norm = failed(inverse) ? std::nullopt : rmsNormalized(a, *inverse);
    if (norm)
      return Results{*norm};
  }
  if (!isConstant(b))
    return emitter.fail("expected a division by a number or a constant, found another");
  if (isRounded && isConstant(a)) {
    const auto *mode = rounding->as<std::string>();
    bool isFloor = mode && *mode == "floor";
    return results(foldConstants(
        a, b, isFloor ? findBinaryFunction("floor_divide") : [](double x, double y) { return std::trunc(x / y); }));
  }
  if (isConstant(a))
    return results(foldConstants(a, b, [](double x, double y) { return x / y; }));
  FailureOr<View> inverse = foldFunction(*other, [](double x) { return 1 / x; });
  return failed(inverse) || isRounded ? FailureOr<Results>(failure()) : results(product(*self, *inverse));
}

} // namespace vitya
