// Operators on elements, and those that join or reduce tensors.
#include "frontend/graph/Converter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;

namespace vitya {

//===----------------------------------------------------------------------===//
// Sums and products
//===----------------------------------------------------------------------===//

/// The views, with dimensions of size 1 repeated so that they have one shape.
FailureOr<std::pair<View, View>> Converter::broadcast(const View &left, const View &right) {
  SmallVector<int64_t> a = left.map.shape(), b = right.map.shape(), shape;
  size_t rank = std::max(a.size(), b.size());
  a.insert(a.begin(), rank - a.size(), 1);
  b.insert(b.begin(), rank - b.size(), 1);
  for (auto [x, y] : llvm::zip(a, b))
    shape.push_back(std::max(x, y));
  FailureOr<View> first = rearranged(left, left.map.expand(shape)), second = rearranged(right, right.map.expand(shape));
  if (failed(first) || failed(second))
    return failure();
  return std::make_pair(*first, *second);
}

FailureOr<View> Converter::foldConstants(const View &left, const View &right, function_ref<float(float, float)> f) {
  FailureOr<std::vector<float>> a = emitter.read(left), b = emitter.read(right);
  if (failed(a) || failed(b))
    return failure();
  for (auto [x, y] : llvm::zip(*a, *b))
    x = f(x, y);
  return Emitter::makeConstant(getSource<ConstantSource>(left)->name, left.map.shape(), std::move(*a));
}

/// What the model subtracts from the pixels of a channel, and what it divides them by, as a part of the preprocessing.
/// Returns nothing unless `image` is the whole image and `constant` has one value for each channel.
std::optional<View> Converter::normalized(const View &image, const View &constant, bool isDivision) {
  auto *source = getSource<ImageSource>(image);
  auto normalize = source ? source->value.getDefiningOp<NormalizeOp>() : NormalizeOp();
  if (!normalize || !image.map.isRowMajor() || image.factor != 1 || image.map.rank() != 4 ||
      !getSource<ConstantSource>(constant) || !constant.map.isCounting(2, 0) || !constant.map.isCounting(3, 0))
    return std::nullopt;
  std::optional<IndexMap> column = constant.map.slice(2, 0, 1);
  column = column ? column->slice(3, 0, 1) : std::nullopt;
  FailureOr<std::vector<float>> values = emitter.read({constant.source, *column, constant.factor});
  if (failed(values))
    return std::nullopt;
  SmallVector<float> means(normalize.getMean()), deviations(normalize.getStd());
  for (auto [value, mean, deviation] : llvm::zip_equal(*values, means, deviations))
    if (isDivision)
      deviation *= value;
    else
      mean += deviation * value;
  if (!llvm::all_of(deviations, [](float deviation) { return std::isfinite(deviation) && deviation > 0; }))
    return std::nullopt;
  Value result = NormalizeOp::create(builder, normalize.getLoc(), normalize.getImage(), means, deviations);
  return View{std::make_shared<Source>(ImageSource{result}), image.map};
}

/// Whether a value is computed as a function of another.
static bool isFunction(const View &view) { return getSource<FunctionSource>(view); }

/// `other` at the elements of the matrix `anchor`, both views of one shape.
FailureOr<View> Converter::inPlaceOf(const Emitter::Rows &anchor, const View &other) {
  std::optional<IndexMap> inverse = anchor.map.inverse();
  FailureOr<View> flat = rearranged(other, inverse ? other.map.compose(*inverse) : std::nullopt);
  return failed(flat) ? flat : reshaped(*flat, cast<RankedTensorType>(anchor.value.getType()).getShape());
}

std::optional<View> Converter::vectorFor(const View &layer, const View &other) {
  auto *linear = getSource<LinearSource>(layer);
  std::optional<IndexMap> inverse = layer.map.inverse();
  if (!linear || linear->value || layer.factor != 1 || !getSource<ConstantSource>(other) || !inverse)
    return std::nullopt;
  int64_t outputs = linear->weight.map.size(0), elements = layer.map.elements();
  std::optional<IndexMap> flat = other.map.compose(*inverse);
  std::optional<IndexMap> matrix = flat ? flat->reshape({elements / outputs, outputs}) : std::nullopt;
  if (!matrix || elements % outputs != 0 || !matrix->isCounting(0, 0))
    return std::nullopt;
  // A single row of outputs may be computed from several tokens, which a vector cannot be added to.
  return View{other.source, *matrix->slice(0, 0, 1)->reshape({outputs}), other.factor};
}

FailureOr<Converter::Operands> Converter::operandsOf(const View &a, const View &b) {
  FailureOr<Emitter::Rows> anchor = emitter.whole(a);
  FailureOr<View> other = failed(anchor) ? FailureOr<View>(failure()) : inPlaceOf(*anchor, b);
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
    return foldConstants(a, b, std::plus<float>());
  if (isFunction(a) || isFunction(b))
    if (FailureOr<View> result = combine(a, b, [](double x, double y) { return x + y; }); succeeded(result))
      return *result;
  // A bias of a linear layer.
  const View &layer = aIsConstant ? b : a, &constant = aIsConstant ? a : b;
  if (std::optional<View> bias = aIsConstant || bIsConstant ? vectorFor(layer, constant) : std::nullopt; bias) {
    LinearSource result = *getSource<LinearSource>(layer);
    FailureOr<View> total = result.bias ? foldConstants(*result.bias, *bias, std::plus<float>()) : *bias;
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
    return foldConstants(a, b, std::multiplies<float>());
  const View &layer = aIsConstant ? b : a, &constant = aIsConstant ? a : b;
  if (std::optional<View> factors = aIsConstant || bIsConstant ? vectorFor(layer, constant) : std::nullopt) {
    LinearSource result = *getSource<LinearSource>(layer);
    FailureOr<View> rows = reshaped(*factors, {factors->map.elements(), 1});
    FailureOr<View> repeated = failed(rows) ? rows : rearranged(*rows, rows->map.expand(result.weight.map.shape()));
    if (failed(repeated))
      return failure();
    FailureOr<View> weight = foldConstants(result.weight, *repeated, std::multiplies<float>());
    FailureOr<View> bias =
        result.bias ? foldConstants(*result.bias, *factors, std::multiplies<float>()) : FailureOr<View>(View());
    if (failed(weight) || failed(bias))
      return failure();
    result.weight = *weight;
    if (result.bias)
      result.bias = *bias;
    return View{std::make_shared<Source>(std::move(result)), layer.map};
  }
  if (FailureOr<View> result = combine(a, b, [](double x, double y) { return x * y; }); succeeded(result))
    return *result;
  if (aIsConstant || bIsConstant)
    return emitter.fail("expected a product with a number, with one factor for each output of a linear layer, or of "
                        "two tensors that are computed, found another");
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
  if (std::optional<double> addend = number("other")) {
    FailureOr<View> result = addNumber(*self, *addend * number("alpha").value_or(1));
    return failed(result) ? FailureOr<Results>(failure()) : Results{*result};
  }
  FailureOr<View> other = view("other");
  if (failed(other))
    return failure();
  if (double alpha = number("alpha").value_or(1); alpha != 1)
    return emitter.fail("expected a sum with factor 1, found alpha {0}", alpha);
  FailureOr<View> result = sum(*self, *other);
  return failed(result) ? FailureOr<Results>(failure()) : Results{*result};
}

FailureOr<Converter::Results> Converter::subtract() {
  FailureOr<View> self = view("self"), other = view("other");
  if (failed(self) || failed(other))
    return failure();
  if (FailureOr<std::pair<View, View>> both = broadcast(*self, *other); succeeded(both))
    if (std::optional<View> result = normalized(both->first, both->second, /*isDivision=*/false))
      return Results{*result};
  FailureOr<View> negated = failed(other) ? other : scaledBy(*other, -1);
  if (failed(self) || failed(negated) || number("alpha").value_or(1) != 1)
    return emitter.fail("expected a difference with factor 1, found another");
  FailureOr<View> result = sum(*self, *negated);
  return failed(result) ? FailureOr<Results>(failure()) : Results{*result};
}

FailureOr<Converter::Results> Converter::multiply() {
  FailureOr<View> self = view("self");
  if (failed(self))
    return failure();
  std::optional<double> factor = number("other");
  FailureOr<View> other = factor ? FailureOr<View>(*self) : view("other");
  FailureOr<View> result = failed(other) ? other : factor ? scaledBy(*self, *factor) : product(*self, *other);
  return failed(result) ? FailureOr<Results>(failure()) : Results{*result};
}

FailureOr<Converter::Results> Converter::divide() {
  FailureOr<View> self = view("self");
  std::optional<double> divisor = number("other");
  FailureOr<View> other = failed(self) || divisor ? self : view("other");
  if (failed(self) || failed(other))
    return failure();
  if (FailureOr<std::pair<View, View>> both = broadcast(*self, *other); !divisor && succeeded(both))
    if (std::optional<View> result = normalized(both->first, both->second, /*isDivision=*/true))
      return Results{*result};
  if (!divisor)
    return emitter.fail("expected a division by a number, found another");
  FailureOr<View> result = scaledBy(*self, 1 / *divisor);
  return failed(result) ? FailureOr<Results>(failure()) : Results{*result};
}

//===----------------------------------------------------------------------===//
// Means and concatenations
//===----------------------------------------------------------------------===//

FailureOr<View> Converter::meanOf(const View &view, ArrayRef<int64_t> dims, bool keepDims) {
  SmallVector<int64_t> order(dims), shape;
  llvm::sort(order);
  int64_t count = 1;
  for (auto [dim, size] : llvm::enumerate(view.map.shape())) {
    bool isReduced = llvm::is_contained(dims, int64_t(dim));
    if (isReduced)
      count *= size;
    else
      order.push_back(dim);
    if (!isReduced || keepDims)
      shape.push_back(isReduced ? 1 : size);
  }
  FailureOr<View> first = rearranged(view, view.map.permute(order));
  FailureOr<View> tokens = failed(first) ? first : reshaped(*first, {count, view.map.elements() / count});
  FailureOr<Value> value = failed(tokens) ? FailureOr<Value>(failure()) : emitter.matrix(*tokens);
  if (failed(value))
    return failure();
  return Emitter::tokens(MeanPoolOp::create(builder, emitter.location("pool"), *value), shape);
}

FailureOr<Converter::Results> Converter::mean() {
  FailureOr<View> self = view("self");
  FailureOr<SmallVector<int64_t>> dims = integers("dim");
  if (failed(self) || failed(dims))
    return failure();
  for (int64_t &dim : *dims) {
    FailureOr<int64_t> wrapped = wrap(dim, self->map.rank());
    if (failed(wrapped))
      return failure();
    dim = *wrapped;
  }
  // Means over heads are those of attention weights that only training or a plot reads.
  if (getSource<ProbabilitiesSource>(*self))
    return Results{View{std::make_shared<Source>(UnsupportedSource{describeNode() + ": expected means of tokens, found "
                                                                                    "those of attention weights"}),
                        *IndexMap::rowMajor({})}};
  FailureOr<View> result = meanOf(*self, *dims, flag("keepdim", false));
  return failed(result) ? FailureOr<Results>(failure()) : Results{*result};
}

FailureOr<Converter::Results> Converter::averagePool() {
  FailureOr<View> self = view("self");
  FailureOr<SmallVector<int64_t>> sizes = integers("output_size");
  if (failed(self) || failed(sizes))
    return failure();
  if (!llvm::all_of(*sizes, [](int64_t size) { return size == 1; }) || sizes->size() >= self->map.rank())
    return emitter.fail("expected the mean of all positions, found pooling to several");
  auto dims = llvm::to_vector(llvm::seq<int64_t>(self->map.rank() - sizes->size(), self->map.rank()));
  FailureOr<View> result = meanOf(*self, dims, /*keepDims=*/true);
  return failed(result) ? FailureOr<Results>(failure()) : Results{*result};
}

FailureOr<Converter::Results> Converter::concatenate() {
  FailureOr<SmallVector<View>> parts = views("tensors");
  if (failed(parts))
    return failure();
  size_t rank = parts->front().map.rank();
  FailureOr<int64_t> dim = dimension("dim", rank, 0);
  if (failed(dim) || rank == 0)
    return emitter.fail("expected tensors with dimensions, found numbers");
  SmallVector<int64_t> shape = parts->front().map.shape();
  shape[*dim] = 0;
  // Tokens are concatenated as rows. The last dimension is that of the columns.
  bool areColumns = *dim == int64_t(rank) - 1;
  SmallVector<View> matrices;
  int64_t rows = 0, columns = 0;
  for (const View &part : *parts) {
    if (part.map.rank() != rank)
      return emitter.fail("expected tensors of {0} dimensions, found {1}", rank, part.map.rank());
    int64_t width = part.map.size(rank - 1), height = part.map.elements() / width, before = 1;
    for (int64_t outer = 0; outer < *dim; ++outer)
      before *= part.map.size(outer);
    if (!areColumns && before != 1)
      return emitter.fail("expected tensors to be concatenated in their first dimension behind the batch, or in the "
                          "last one, found dimension {0}",
                          *dim);
    if (!matrices.empty() && (areColumns ? height != rows : width != columns))
      return emitter.fail("expected tensors of fitting sizes, found others");
    FailureOr<View> matrix = reshaped(part, {height, width});
    if (failed(matrix))
      return failure();
    matrices.push_back(*matrix);
    rows = areColumns ? height : rows + height;
    columns = areColumns ? columns + width : width;
    shape[*dim] += part.map.size(*dim);
  }
  // The layers come first, then their constants and the concatenation.
  SmallVector<Value> values(matrices.size());
  for (bool areConstants : {false, true})
    for (auto [matrix, value] : llvm::zip_equal(matrices, values)) {
      if (bool(getSource<ConstantSource>(matrix)) != areConstants)
        continue;
      FailureOr<Value> emitted = emitter.matrix(matrix);
      if (failed(emitted))
        return failure();
      value = *emitted;
    }
  if (values.size() == 1)
    return Results{parts->front()};
  auto type = RankedTensorType::get({rows, columns}, builder.getF32Type());
  Value result = tensor::ConcatOp::create(builder, values.front().getLoc(), type, areColumns, values);
  std::optional<IndexMap> map = IndexMap::rowMajor(shape);
  if (!map || map->elements() != rows * columns)
    return emitter.fail("expected tensors of fitting sizes, found others");
  return Results{Emitter::tokens(result, shape)};
}

} // namespace vitya
