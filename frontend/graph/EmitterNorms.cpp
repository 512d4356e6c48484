// Norms of tokens, and of the columns of each head.
#include "frontend/graph/Emitter.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace vitya {

/// The number of columns of the matrix of tokens that `view` is a view of.
static std::optional<int64_t> sourceColumns(const View &view) {
  if (auto *linear = getSource<LinearSource>(view))
    return linear->weight.map.size(0);
  auto *tokens = getSource<TokensSource>(view);
  return tokens ? std::optional(cast<RankedTensorType>(tokens->value.getType()).getDimSize(1)) : std::nullopt;
}

/// The norm of rows whose columns are those of the view, or `columns` of them.
FailureOr<Value> Emitter::normalizeRows(Value rows, const Norm &norm, std::optional<IndexMap> columns) {
  int64_t width = cast<RankedTensorType>(rows.getType()).getDimSize(1);
  auto vector = [&](const std::optional<View> &given, StringRef part, float fallback) -> FailureOr<Value> {
    View view =
        given.value_or(makeConstant((norm.name + "." + part).str(), {width}, std::vector<float>(width, fallback)));
    std::optional<IndexMap> map = view.map.reshape({width});
    map = map && columns ? map->compose(*columns) : map;
    FailureOr<IndexMap> ordered = arranged(map);
    return failed(ordered) ? FailureOr<Value>(failure()) : constant({view.source, *ordered, view.factor});
  };
  FailureOr<Value> weight = vector(norm.weight, "weight", 1);
  if (failed(weight))
    return failure();
  llvm::APFloat eps(norm.eps);
  if (norm.isRms) {
    std::string name = uniqueName(norm.name);
    return RmsNormOp::create(builder, location(name), name, rows, *weight, eps).getResult();
  }
  FailureOr<Value> bias = vector(norm.bias, "bias", 0);
  if (failed(bias))
    return failure();
  std::string name = uniqueName(norm.name);
  return LayerNormOp::create(builder, location(name), name, rows, *weight, *bias, eps).getResult();
}

std::optional<IndexMap> Emitter::HeadRows::matrix(const IndexMap &map) const {
  std::optional<IndexMap> split =
      map.reshape(isHeadFirst ? ArrayRef({heads, tokens, width}) : ArrayRef({tokens, heads, width}));
  split = split && isHeadFirst ? split->permute({1, 0, 2}) : split;
  return split ? split->reshape({tokens, heads * width}) : std::nullopt;
}

View Emitter::HeadRows::apart(Value matrix, ArrayRef<int64_t> shape) const {
  View result = Emitter::tokens(matrix, {tokens, heads, width});
  if (isHeadFirst)
    result.map = *result.map.permute({1, 0, 2});
  result.map = *result.map.reshape(shape);
  return result;
}

std::optional<Emitter::HeadRows> Emitter::headRows(const View &view) {
  size_t rank = view.map.rank();
  std::optional<int64_t> columns = sourceColumns(view);
  if (rank < 3 || !columns)
    return std::nullopt;
  int64_t width = view.map.size(rank - 1), inner = view.map.size(rank - 2),
          outer = view.map.elements() / (width * inner);
  for (bool isHeadFirst : {false, true}) {
    HeadRows rows{isHeadFirst ? inner : outer, isHeadFirst ? outer : inner, width, isHeadFirst};
    std::optional<IndexMap> matrix = rows.matrix(view.map);
    if (matrix && matrix->isCounting(0, *columns) && matrix->size(1) <= *columns)
      return rows;
  }
  return std::nullopt;
}

/// A norm of the columns of each head. Returns nothing unless `input` has several heads and tokens.
std::optional<FailureOr<View>> Emitter::normalizeHeads(const View &input, const Norm &norm) {
  std::optional<HeadRows> split = headRows(input);
  if (!split || split->heads == 1 || split->tokens == 1)
    return std::nullopt;
  auto [tokens, heads, width, isHeadFirst] = *split;
  FailureOr<Value> matrix = this->matrix({input.source, *split->matrix(input.map), input.factor});
  if (failed(matrix))
    return FailureOr<View>(failure());
  SmallVector<ReassociationIndices> ofHeads = {{0}, {1, 2}}, ofRows = {{0, 1}, {2}};
  auto type = [&](ArrayRef<int64_t> shape) { return RankedTensorType::get(shape, builder.getF32Type()); };
  Location loc = matrix->getLoc();
  Value apart = tensor::ExpandShapeOp::create(builder, loc, type({tokens, heads, width}), *matrix, ofHeads);
  Value rows = tensor::CollapseShapeOp::create(builder, loc, type({tokens * heads, width}), apart, ofRows);
  FailureOr<Value> normal = normalizeRows(rows, norm, std::nullopt);
  if (failed(normal))
    return FailureOr<View>(failure());
  apart = tensor::ExpandShapeOp::create(builder, normal->getLoc(), apart.getType(), *normal, ofRows);
  Value whole = tensor::CollapseShapeOp::create(builder, normal->getLoc(), matrix->getType(), apart, ofHeads);
  return split->apart(whole, input.map.shape());
}

FailureOr<View> Emitter::normalize(const View &input, int64_t width, const Norm &norm) {
  size_t rank = input.map.rank();
  if (rank > 0 && input.map.size(rank - 1) == width)
    if (std::optional<FailureOr<View>> heads = normalizeHeads(input, norm))
      return *heads;
  FailureOr<IndexMap> tokens = arranged(input.map.reshape({input.map.elements() / width, width}));
  FailureOr<Rows> rows =
      failed(tokens) ? FailureOr<Rows>(failure()) : this->rows({input.source, *tokens, input.factor});
  if (failed(rows))
    return failure();
  std::optional<IndexMap> columns = rows->map.isRowMajor() ? std::nullopt : std::optional(rows->columns());
  FailureOr<Value> result = normalizeRows(rows->value, norm, columns);
  FailureOr<IndexMap> map =
      failed(result) ? FailureOr<IndexMap>(failure()) : arranged(rows->map.reshape(input.map.shape()));
  return failed(map) ? FailureOr<View>(failure()) : View{std::make_shared<Source>(TokensSource{*result}), *map};
}

/// A view of an RMSNorm that the model computes in steps as a view of the result of an op.
FailureOr<View> Emitter::evaluateNorm(const View &view) {
  auto &source = *getSource<NormSource>(view);
  if (!source.result || source.result->factor != view.factor) {
    int64_t width = source.operand.map.size(source.operand.map.rank() - 1);
    View weight =
        source.weight.value_or(makeConstant(source.name + ".weight", {width}, std::vector<float>(width, 1.0F)));
    weight.factor *= view.factor;
    FailureOr<View> result = normalize(source.operand, width, {true, weight, std::nullopt, source.eps, source.name});
    if (failed(result))
      return failure();
    source.result = {result->source, result->map, view.factor};
  }
  FailureOr<IndexMap> map = arranged(source.result->map.compose(view.map));
  return failed(map) ? FailureOr<View>(failure()) : View{source.result->source, *map};
}

} // namespace vitya
