// Operators that join or reduce tensors.
#include "frontend/graph/Converter.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace vitya {

FailureOr<View> Converter::meanOf(const View &view, ArrayRef<int64_t> dims, bool keepDims, bool isSum) {
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
  if (getSource<WeightedSource>(view) && isSum)
    return sumWeighted(view, dims, shape);
  if (std::optional<View> squares = meanOfSquares(view, dims, shape, isSum))
    return *squares;
  FailureOr<View> settledView = settled(view);
  if (failed(settledView))
    return failure();
  if (isConstant(view)) {
    std::rotate(order.begin(), order.begin() + dims.size(), order.end());
    FailureOr<View> sorted = rearranged(view, view.map.permute(order));
    return failed(sorted) ? sorted : foldSum(*sorted, count, shape, isSum ? 1 : 1 / double(count));
  }
  FailureOr<View> first = rearranged(view, view.map.permute(order));
  FailureOr<View> tokens = failed(first) ? first : reshaped(*first, {count, view.map.elements() / count});
  FailureOr<Value> value = failed(tokens) ? FailureOr<Value>(failure()) : emitter.matrix(*tokens);
  if (failed(value))
    return failure();
  View result = Emitter::tokens(MeanPoolOp::create(builder, emitter.location("pool"), *value), shape);
  return isSum ? scaledBy(result, double(count)) : result;
}

FailureOr<SmallVector<int64_t>> Converter::reducedDims(size_t rank) {
  FailureOr<SmallVector<int64_t>> dims = integers("dim");
  if (failed(dims))
    return failure();
  for (int64_t &dim : *dims) {
    FailureOr<int64_t> wrapped = wrap(dim, rank);
    if (failed(wrapped))
      return failure();
    dim = *wrapped;
  }
  return dims;
}

FailureOr<Converter::Results> Converter::sumOver() {
  FailureOr<View> self = view("self");
  FailureOr<SmallVector<int64_t>> dims =
      failed(self) ? FailureOr<SmallVector<int64_t>>(failure()) : reducedDims(self->map.rank());
  return failed(dims) ? FailureOr<Results>(failure())
                      : results(meanOf(*self, *dims, flag("keepdim", false), /*isSum=*/true));
}

FailureOr<Converter::Results> Converter::mean() {
  FailureOr<View> self = view("self");
  FailureOr<SmallVector<int64_t>> dims =
      failed(self) ? FailureOr<SmallVector<int64_t>>(failure()) : reducedDims(self->map.rank());
  if (failed(dims))
    return failure();
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
  return concatenate(*parts, *dim);
}

FailureOr<Converter::Results> Converter::stack() {
  FailureOr<SmallVector<View>> parts = views("tensors");
  FailureOr<int64_t> dim =
      failed(parts) ? FailureOr<int64_t>(failure()) : dimension("dim", parts->front().map.rank() + 1, 0);
  if (failed(dim))
    return failure();
  for (View &part : *parts) {
    SmallVector<int64_t> shape = part.map.shape();
    if (size_t(*dim) > shape.size())
      return emitter.fail("expected tensors of one shape, found others");
    shape.insert(shape.begin() + *dim, 1);
    FailureOr<View> longer = reshaped(part, shape);
    if (failed(longer))
      return failure();
    part = *longer;
  }
  return concatenate(*parts, *dim);
}

FailureOr<Converter::Results> Converter::concatenate(MutableArrayRef<View> parts, int64_t dim) {
  size_t rank = parts.front().map.rank();
  SmallVector<int64_t> shape = parts.front().map.shape();
  for (View &part : parts)
    if (part.map.rank() != rank)
      return emitter.fail("expected tensors of {0} dimensions, found {1}", rank, part.map.rank());
  if (llvm::all_of(parts, isConstant)) {
    for (View &part : parts)
      if (failed(settled(part)))
        return failure();
    return results(foldConcatenation(parts, dim));
  }
  if (std::optional<View> turned = quarterTurn(parts, dim))
    return Results{*turned};
  if (std::optional<View> rotated = joinRotated(parts, dim))
    return Results{*rotated};
  shape[dim] = 0;
  // Tokens are concatenated as rows. The last dimension is that of the columns.
  bool areColumns = dim == int64_t(rank) - 1;
  SmallVector<View> matrices;
  int64_t rows = 0, columns = 0;
  for (const View &part : parts) {
    int64_t width = part.map.size(rank - 1), height = part.map.elements() / width, before = 1;
    for (int64_t outer = 0; outer < dim; ++outer)
      before *= part.map.size(outer);
    if (!areColumns && before != 1)
      return emitter.fail("expected tensors to be concatenated in their first dimension after the batch, or in the "
                          "last one, found dimension {0}",
                          dim);
    if (!matrices.empty() && (areColumns ? height != rows : width != columns))
      return emitter.fail("expected tensors of fitting sizes, found others");
    FailureOr<View> matrix = reshaped(part, {height, width});
    if (failed(matrix))
      return failure();
    matrices.push_back(*matrix);
    rows = areColumns ? height : rows + height;
    columns = areColumns ? columns + width : width;
    shape[dim] += part.map.size(dim);
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
    return Results{parts.front()};
  auto type = RankedTensorType::get({rows, columns}, builder.getF32Type());
  Value result = tensor::ConcatOp::create(builder, values.front().getLoc(), type, areColumns, values);
  std::optional<IndexMap> map = IndexMap::rowMajor(shape);
  if (!map || map->elements() != rows * columns)
    return emitter.fail("expected tensors of fitting sizes, found others");
  return Results{Emitter::tokens(result, shape)};
}

} // namespace vitya
