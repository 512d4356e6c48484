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

/// A norm of the columns of each head. `input` is [..., tokens, heads, width] or [..., heads, tokens, width]. Returns
/// nothing if it is neither.
std::optional<FailureOr<View>> Emitter::normalizeHeads(const View &input, const Norm &norm) {
  size_t rank = input.map.rank();
  std::optional<int64_t> columns = sourceColumns(input);
  if (rank < 3 || !columns || input.map.size(rank - 1) == *columns)
    return std::nullopt;
  int64_t width = input.map.size(rank - 1), inner = input.map.size(rank - 2),
          outer = input.map.elements() / (width * inner);
  std::optional<IndexMap> split = input.map.reshape({outer, inner, width});
  for (bool isHeadFirst : {false, true}) {
    int64_t heads = isHeadFirst ? outer : inner, tokens = isHeadFirst ? inner : outer;
    std::optional<IndexMap> map = split && isHeadFirst ? split->permute({1, 0, 2}) : split;
    bool isUsual = heads > 1 && tokens > 1;
    map = isUsual && map && map->isCounting(0, *columns) ? map->reshape({tokens, heads * width}) : std::nullopt;
    if (!map)
      continue;
    FailureOr<Value> matrix = this->matrix({input.source, *map, input.factor});
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
    View result = Emitter::tokens(whole, {tokens, heads, width});
    std::optional<IndexMap> order = isHeadFirst ? result.map.permute({1, 0, 2}) : result.map;
    FailureOr<IndexMap> ordered = arranged(order ? order->reshape(input.map.shape()) : std::nullopt);
    return failed(ordered) ? FailureOr<View>(failure()) : FailureOr<View>(View{result.source, *ordered});
  }
  return std::nullopt;
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
