// Operators on constants, which are evaluated: positions that a model computes, and masks.
#include "frontend/graph/Converter.h"
#include "frontend/graph/ElementFunctions.h"
#include "frontend/layout/Resample.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <limits>
#include <numeric>

using namespace mlir;

namespace vitya {

/// Integers up to this one are floats.
constexpr int64_t kMaxInteger = 1 << 24;

FailureOr<View> Converter::computed(StringRef name, ArrayRef<int64_t> shape, std::vector<float> values) {
  ScalarType type = graph[node->results.front()].type;
  for (float &value : values)
    if (type == ScalarType::truth)
      value = value != 0;
    else if (isInteger(type) && std::abs(value = std::trunc(value)) > float(kMaxInteger))
      return emitter.fail("expected integers of at most {0}, found {1:f0}", kMaxInteger, value);
  return Emitter::makeConstant(name.empty() ? "constant" : name.str(), shape, std::move(values));
}

FailureOr<View> Converter::settled(const View &view) {
  if (getSource<BufferSource>(view) && isConstant(view) && failed(emitter.fillBuffer(view)))
    return failure();
  return view;
}

/// The operand `name`, a tensor or a number.
FailureOr<View> Converter::operand(StringRef name) {
  if (std::optional<double> given = number(name))
    return Emitter::makeConstant("", {}, {static_cast<float>(*given)});
  FailureOr<View> given = view(name);
  return failed(given) ? given : settled(*given);
}

FailureOr<View> Converter::foldConstants(const View &left, const View &right, BinaryFunction function) {
  FailureOr<std::vector<float>> a = emitter.read(left), b = emitter.read(right);
  if (failed(a) || failed(b))
    return failure();
  for (auto [x, y] : llvm::zip_equal(*a, *b))
    x = static_cast<float>(function(x, y));
  return computed(getSource<ConstantSource>(left)->name, left.map.shape(), std::move(*a));
}

FailureOr<View> Converter::foldFunction(const View &view, llvm::function_ref<double(double)> function) {
  FailureOr<std::vector<float>> values = emitter.read(view);
  if (failed(values))
    return failure();
  for (float &value : *values)
    value = static_cast<float>(function(value));
  return computed(getSource<ConstantSource>(view)->name, view.map.shape(), std::move(*values));
}

/// An operation on two constants, or a power, which may be a part of an activation.
FailureOr<Converter::Results> Converter::binaryFunction() {
  StringRef name = node->op;
  BinaryFunction function = findBinaryFunction(name.ends_with("_") ? name.drop_back() : name);
  bool isPower = name.starts_with("pow");
  FailureOr<View> self = operand("self"), other = operand(isPower ? "exponent" : "other");
  if (failed(self) || failed(other))
    return failure();
  std::optional<double> exponent = isPower ? number("exponent") : std::nullopt;
  if (!isConstant(*self) && exponent)
    return results(applied(*self, [exponent](double x) { return std::pow(x, *exponent); }));
  if (name == "eq" && !isConstant(*self))
    return compare();
  if (!isConstant(*self) || !isConstant(*other))
    return emitter.fail("expected constants, found values that depend on the image");
  if (name.starts_with("bitwise") && graph[node->results.front()].type != ScalarType::truth)
    return emitter.fail("expected truth values, found bits of integers");
  FailureOr<std::pair<View, View>> both = broadcast(*self, *other);
  return failed(both) ? FailureOr<Results>(failure()) : results(foldConstants(both->first, both->second, function));
}

FailureOr<Converter::Results> Converter::arange() {
  double first = number("start").value_or(0), last = number("end").value_or(HUGE_VAL),
         step = number("step").value_or(1);
  double count = std::ceil((last - first) / step);
  if (!(count > 0 && count <= double(kMaxInteger)))
    return emitter.fail("expected a range of between 1 and {0} numbers, found {1:f0}", kMaxInteger, count);
  std::vector<float> values(static_cast<size_t>(count));
  for (auto [index, value] : llvm::enumerate(values))
    value = static_cast<float>(first + static_cast<double>(index) * step);
  return results(computed("", {static_cast<int64_t>(values.size())}, std::move(values)));
}

FailureOr<Converter::Results> Converter::linspace() {
  std::optional<double> first = number("start"), last = number("end");
  FailureOr<int64_t> steps = integer("steps");
  if (!first || !last || failed(steps) || *steps <= 0 || *steps > kMaxInteger)
    return emitter.fail("expected a range of between 1 and {0} numbers, found another", kMaxInteger);
  std::vector<float> values;
  double step = *steps > 1 ? (*last - *first) / double(*steps - 1) : 0;
  for (int64_t index = 0; index < *steps; ++index)
    values.push_back(static_cast<float>(index < *steps / 2 ? *first + double(index) * step
                                                           : *last - double(*steps - 1 - index) * step));
  if (*steps == 1)
    values.front() = static_cast<float>(*first);
  return results(computed("", {*steps}, std::move(values)));
}

FailureOr<Converter::Results> Converter::scalarTensor() {
  std::optional<double> value = number("s");
  if (!value)
    return emitter.fail("expected a number, found none");
  return results(computed("", {}, {static_cast<float>(*value)}));
}

/// Each of several vectors, repeated along the dimensions of the others.
FailureOr<Converter::Results> Converter::meshgrid() {
  FailureOr<SmallVector<View>> vectors = views("tensors");
  if (failed(vectors))
    return failure();
  const Argument *indexing = node->find("indexing");
  const auto *order = indexing ? indexing->as<std::string>() : nullptr;
  size_t rank = vectors->size();
  SmallVector<size_t> places = llvm::to_vector(llvm::seq<size_t>(0, rank));
  if (order && *order == "xy" && rank > 1)
    std::swap(places[0], places[1]);
  SmallVector<int64_t> shape(rank);
  for (auto [vector, place] : llvm::zip_equal(*vectors, places))
    shape[place] = vector.map.elements();
  Results all;
  for (auto [vector, place] : llvm::zip_equal(*vectors, places)) {
    SmallVector<int64_t> own(rank, 1);
    own[place] = shape[place];
    FailureOr<View> column = reshaped(vector, own);
    column = failed(column) ? column : rearranged(*column, column->map.expand(shape));
    if (failed(column))
      return failure();
    all.push_back(*column);
  }
  return all;
}

FailureOr<View> Converter::foldConcatenation(ArrayRef<View> parts, int64_t dim) {
  SmallVector<int64_t> shape = parts.front().map.shape();
  int64_t outer = std::accumulate(shape.begin(), shape.begin() + dim, int64_t(1), std::multiplies<>());
  shape[dim] = 0;
  std::vector<std::vector<float>> values;
  for (const View &part : parts) {
    SmallVector<int64_t> own = part.map.shape();
    shape[dim] += own[dim];
    own[dim] = shape[dim];
    FailureOr<std::vector<float>> read = emitter.read(part);
    if (failed(read))
      return failure();
    if (own != shape)
      return emitter.fail("expected tensors of fitting sizes, found others");
    values.push_back(std::move(*read));
  }
  std::vector<float> all;
  for (int64_t index = 0; index < outer; ++index)
    for (const std::vector<float> &part : values) {
      auto count = static_cast<int64_t>(part.size()) / outer;
      all.insert(all.end(), part.begin() + index * count, part.begin() + (index + 1) * count);
    }
  return computed(getSource<ConstantSource>(parts.front())->name, shape, std::move(all));
}

/// The sums over dimensions, which `shape` leaves out or gives the size 1, times `factor`. `sorted` has the summed
/// dimensions last.
FailureOr<View> Converter::foldSum(const View &sorted, int64_t count, ArrayRef<int64_t> shape, double factor) {
  FailureOr<std::vector<float>> values = emitter.read(sorted);
  if (failed(values))
    return failure();
  std::vector<float> sums;
  for (auto *from = values->begin().base(); from != values->end().base(); from += count)
    sums.push_back(static_cast<float>(factor * std::accumulate(from, from + count, 0.0)));
  return computed(getSource<ConstantSource>(sorted)->name, shape, std::move(sums));
}

/// The scores of an attention without those that a constant mask replaces by minus infinity or the lowest f32.
std::optional<View> Converter::maskedScores(const View &truths, const View &whenTrue, const View &whenFalse) {
  bool isTrueMasked = getSource<ScoresSource>(whenFalse);
  const View &scores = isTrueMasked ? whenFalse : whenTrue, &replaced = isTrueMasked ? whenTrue : whenFalse;
  if (!getSource<ScoresSource>(scores) || !isConstant(replaced))
    return std::nullopt;
  FailureOr<std::vector<float>> values = emitter.read(replaced);
  constexpr float lowest = std::numeric_limits<float>::lowest();
  if (failed(values) || !llvm::all_of(*values, [](float value) { return value <= lowest; }))
    return std::nullopt;
  FailureOr<View> kept = settled(truths);
  if (succeeded(kept) && isTrueMasked)
    kept = foldFunction(*kept, [](double truth) { return truth == 0; });
  FailureOr<View> result = failed(kept) ? kept : biased(scores, *kept, /*areTruthValues=*/true);
  return failed(result) ? std::nullopt : std::optional(*result);
}

/// Values of one of two tensors or numbers.
FailureOr<Converter::Results> Converter::choose() {
  bool isFill = StringRef(node->op).starts_with("masked_fill");
  FailureOr<View> condition = view(isFill ? "mask" : "condition");
  if (failed(condition))
    return failure();
  FailureOr<View> first = operand(isFill ? "value" : "self"), second = operand(isFill ? "self" : "other");
  std::optional<bool> choice;
  if (auto *truth = getSource<TruthSource>(*condition)) {
    choice = truth->value;
  } else if (isConstant(*condition)) {
    FailureOr<std::vector<float>> values = emitter.read(*condition);
    if (failed(values))
      return failure();
    if (llvm::all_equal(*values))
      choice = values->front() != 0;
  } else {
    return emitter.fail("expected truth values that do not depend on the image, found others");
  }
  if (failed(first) || failed(second))
    return failure();
  View operands[] = {*condition, *first, *second};
  if (failed(broadcast(operands)))
    return failure();
  auto &[truths, whenTrue, whenFalse] = operands;
  if (choice)
    return Results{*choice ? whenTrue : whenFalse};
  if (std::optional<View> masked = maskedScores(truths, whenTrue, whenFalse))
    return Results{*masked};
  if (!isConstant(whenTrue) || !isConstant(whenFalse))
    return emitter.fail(
        "expected truth values that are all the same, a choice between constants, or a mask of attention "
        "scores, found another");
  FailureOr<std::vector<float>> c = emitter.read(truths), a = emitter.read(whenTrue), b = emitter.read(whenFalse);
  if (failed(c) || failed(a) || failed(b))
    return failure();
  for (auto [truth, x, y] : llvm::zip_equal(*c, *a, *b))
    y = truth != 0 ? x : y;
  return results(computed(getSource<ConstantSource>(whenFalse)->name, whenFalse.map.shape(), std::move(*b)));
}

/// The interpolation of a constant grid, such as that of positions.
FailureOr<Converter::Results> Converter::interpolate() {
  FailureOr<View> self = view(node->find("input") ? "input" : "self");
  if (failed(self))
    return failure();
  if (self->map.rank() != 4 || !isConstant(*self))
    return emitter.fail("expected an interpolation of a constant [batch, channels, height, width], such as positions, "
                        "found another");
  std::array<double, 2> factors = {number("scales_h").value_or(0), number("scales_w").value_or(0)};
  const Argument *given = node->find("scale_factors"), *size = node->find("output_size");
  if (const auto *list = given ? given->as<Argument::List>() : nullptr; list && list->size() == 2)
    for (auto [factor, item] : llvm::zip_equal(factors, *list))
      factor = item.as<double>() ? *item.as<double>() : 0;
  auto isUsual = [](double factor) { return factor == 0 || (factor > 1e-3 && factor < 1e3); };
  if (!llvm::all_of(factors, isUsual))
    return emitter.fail("expected an interpolation by factors between 0.001 and 1000, found others");
  Grid from{self->map.size(2), self->map.size(3)},
      to{int64_t(double(from.height) * factors[0]), int64_t(double(from.width) * factors[1])};
  if (size && !size->isNone()) {
    FailureOr<SmallVector<int64_t>> sizes = integers("output_size");
    if (failed(sizes) || sizes->size() != 2)
      return emitter.fail("expected two sizes as argument 'output_size', found others");
    to = {(*sizes)[0], (*sizes)[1]};
  }
  int64_t outer = self->map.size(0) * self->map.size(1);
  std::optional<IndexMap> result = IndexMap::rowMajor({self->map.size(0), self->map.size(1), to.height, to.width});
  // One dimension is interpolated after the other.
  std::optional<IndexMap> half = IndexMap::rowMajor({outer, from.height, to.width});
  if (!result || !half || std::max(result->elements(), half->elements()) > kMaxViewElements)
    return emitter.fail("expected an interpolation to positive sizes and at most {0} elements, found another",
                        kMaxViewElements);
  FailureOr<std::vector<float>> values = emitter.read(*self);
  if (failed(values))
    return failure();
  StringRef name = node->op;
  Resampling method{name.contains("bicubic") ? Resampling::Kernel::cubic : Resampling::Kernel::linear,
                    flag("align_corners", false), name.ends_with("_aa"), factors[0], factors[1]};
  return results(computed(getSource<ConstantSource>(*self)->name, result->shape(),
                          resample(*values, outer, from, to, /*inner=*/1, method)));
}

} // namespace vitya
