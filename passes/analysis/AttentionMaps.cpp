// Matching of the layers around an attention, and the rewrite to narrower heads.
#include "passes/analysis/AttentionMaps.h"
#include "dialect/reference/Ops.h"
#include "dialect/support/Errors.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Threading.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

namespace vitya {
namespace {

/// The linear layer whose result, or a slice of whose result, is `value`; nothing if there is none.
std::optional<Projection> projectionOf(Value value) {
  Projection result;
  auto type = cast<RankedTensorType>(value.getType());
  result.rows = type.getDimSize(0);
  result.width = type.getDimSize(1);
  if (auto slice = value.getDefiningOp<tensor::ExtractSliceOp>()) {
    if (slice.getNumOperands() != 1 || !slice.hasUnitStride() || slice.getType().getRank() != 2 ||
        slice.getSourceType().getRank() != 2)
      return std::nullopt;
    result.slice = slice;
    result.row = slice.getStaticOffsets()[0];
    result.column = slice.getStaticOffsets()[1];
    value = slice.getSource();
  }
  result.linear = value.getDefiningOp<LinearOp>();
  return result.linear ? std::optional(result) : std::nullopt;
}

/// The rows [row, row + count) of `tokens`.
reference::Tensor rowsOf(const reference::Tensor &tokens, int64_t row, int64_t count) {
  return reference::extractSlice(tokens, {{row, 0}, {count, tokens.dim(1)}, {1, 1}});
}

} // namespace

FailureOr<std::optional<reference::Tensor>> scoreBiasOf(AttentionOp op) {
  if (!op.getBias())
    return std::optional<reference::Tensor>();
  FailureOr<VectorXd> elements = vectorOf(op, op.getBias(), "bias");
  if (failed(elements))
    return failure();
  RankedTensorType type = op.getBias().getType();
  return std::optional(toTensor(*elements, type.getElementType()).reshaped(type.getShape()));
}

llvm::Expected<AttentionMaps> AttentionMaps::match(AttentionOp attention) {
  AttentionMaps maps;
  if (Value bias = attention.getBias(); bias && !matchPattern(bias, m_Constant()))
    return makeError("its bias is computed");
  maps.attention = attention;
  std::array<std::optional<Projection>, 3> found = {
      projectionOf(attention.getQuery()), projectionOf(attention.getKey()), projectionOf(attention.getValue())};
  if (!llvm::all_of(found, [](const auto &each) { return each.has_value(); }))
    return makeError("query, key and value are not all columns of linear layers");
  maps.query = *found[0];
  maps.key = *found[1];
  maps.value = *found[2];
  llvm::DenseMap<Operation *, int64_t> columns;
  for (Projection each : {maps.query, maps.key, maps.value}) {
    if (each.linear.getInput() != maps.query.linear.getInput())
      return makeError("query, key and value are not computed from one input");
    Value result = each.slice ? each.slice.getResult() : each.linear.getResult();
    if (!result.hasOneUse() || (each.slice && each.slice->getBlock() != attention->getBlock()))
      return makeError("something else reads query, key or value");
    columns[each.linear] += each.width;
    if (!llvm::is_contained(maps.linears, each.linear))
      maps.linears.push_back(each.linear);
  }
  for (LinearOp linear : maps.linears) {
    auto isOurs = [&](Operation *user) {
      return user == attention || llvm::any_of(found, [&](const auto &each) { return each->slice == user; });
    };
    if (columns[linear] != linear.getType().getDimSize(1) || !llvm::all_of(linear->getUsers(), isOurs))
      return makeError("something else reads the layers of query, key and value");
  }
  llvm::sort(maps.linears, [](LinearOp a, LinearOp b) { return a->isBeforeInBlock(b); });
  if (attention->hasOneUse())
    maps.outputLinear = dyn_cast<LinearOp>(*attention->user_begin());
  if (!maps.outputLinear || maps.outputLinear.getInput() != attention.getResult())
    return makeError("the result is not read by one linear layer alone");
  return maps;
}

FailureOr<AttentionWeights> AttentionMaps::readWeights() {
  AttentionWeights weights;
  auto read = [&](const Projection &from, MatrixXd &map, VectorXd &bias) -> LogicalResult {
    FailureOr<MatrixXd> all = weightOf(from.linear);
    FailureOr<VectorXd> allBias = biasOf(from.linear);
    if (failed(all) || failed(allBias))
      return failure();
    map = all->middleRows(from.column, from.width);
    bias = allBias->segment(from.column, from.width);
    return success();
  };
  FailureOr<MatrixXd> output = weightOf(outputLinear);
  FailureOr<VectorXd> outputBias = biasOf(outputLinear);
  FailureOr<std::optional<reference::Tensor>> scoreBias = scoreBiasOf(attention);
  if (failed(scoreBias) || failed(read(query, weights.query, weights.queryBias)) ||
      failed(read(key, weights.key, weights.keyBias)) || failed(read(value, weights.value, weights.valueBias)) ||
      failed(output) || failed(outputBias))
    return failure();
  weights.output = std::move(*output);
  weights.outputBias = std::move(*outputBias);
  weights.scoreBias = std::move(*scoreBias);
  return weights;
}

std::vector<QueryKeyFactorization> AttentionMaps::factorizeQueryKey(const AttentionWeights &weights,
                                                                    ArrayRef<reference::Tensor> tokens) {
  MomentsBuilder moments(tokens.front().dim(1));
  for (const reference::Tensor &each : tokens)
    moments.add(Samples(each.matrix()));
  QueryKeyInput input(moments.take());
  int64_t width = widths().queryKey;
  std::vector<std::optional<QueryKeyFactorization>> found(heads());
  parallelFor(attention.getContext(), 0, heads(), [&](int64_t head) {
    QueryKey maps{weights.query.middleRows(head * width, width), weights.key.middleRows(head * width, width),
                  weights.queryBias.segment(head * width, width), weights.keyBias.segment(head * width, width)};
    found[head].emplace(maps, input);
  });
  std::vector<QueryKeyFactorization> result;
  for (std::optional<QueryKeyFactorization> &each : found)
    result.push_back(std::move(*each));
  return result;
}

std::vector<ValueOutputFactorization> AttentionMaps::factorizeValueOutput(const AttentionWeights &weights,
                                                                          ArrayRef<reference::Tensor> tokens) {
  int64_t width = widths().value, scored = weights.query.rows() / heads();
  Type f32 = attention.getType().getElementType();
  double scale = attention.getScale().convertToDouble();
  std::vector<std::optional<ValueOutputFactorization>> found(heads());
  parallelFor(attention.getContext(), 0, heads(), [&](int64_t head) {
    PackedMatrix queryMap = reference::packed(toTensor(MatrixXd(weights.query.middleRows(head * scored, scored)), f32));
    reference::Tensor queryBias = toTensor(VectorXd(weights.queryBias.segment(head * scored, scored)), f32);
    PackedMatrix keyMap = reference::packed(toTensor(MatrixXd(weights.key.middleRows(head * scored, scored)), f32));
    reference::Tensor keyBias = toTensor(VectorXd(weights.keyBias.segment(head * scored, scored)), f32);
    std::optional<reference::Tensor> scoreBias;
    if (weights.scoreBias)
      scoreBias = reference::extractSlice(
          *weights.scoreBias, {{0, head * (weights.scoreBias->dim(1) / heads())}, {query.rows, key.rows}, {1, 1}});
    // The moments of the averaged inputs of the value map: attention weights applied to the tokens themselves.
    MomentsBuilder averaged(weights.value.cols());
    for (const reference::Tensor &each : tokens) {
      reference::Tensor queries = reference::linear(rowsOf(each, query.row, query.rows), queryMap, &queryBias);
      reference::Tensor keys = reference::linear(rowsOf(each, key.row, key.rows), keyMap, &keyBias);
      reference::Tensor result = reference::attention(queries, keys, rowsOf(each, value.row, value.rows), /*heads=*/1,
                                                      scale, scoreBias ? &*scoreBias : nullptr);
      averaged.add(Samples(result.matrix()));
    }
    ValueOutput maps{weights.value.middleRows(head * width, width), weights.output.middleCols(head * width, width),
                     weights.valueBias.segment(head * width, width)};
    found[head].emplace(maps, averaged.take());
  });
  std::vector<ValueOutputFactorization> result;
  for (std::optional<ValueOutputFactorization> &each : found)
    result.push_back(std::move(*each));
  return result;
}

void AttentionWeights::truncateQueryKey(ArrayRef<QueryKeyFactorization> heads, int64_t rank, int64_t width) {
  int64_t rows = heads.size() * width;
  query = MatrixXd::Zero(rows, query.cols());
  key = MatrixXd::Zero(rows, key.cols());
  queryBias = VectorXd::Zero(rows);
  keyBias = VectorXd::Zero(rows);
  for (auto [head, factors] : llvm::enumerate(heads)) {
    QueryKey cut = factors.truncate(rank);
    query.middleRows(head * width, rank) = cut.query;
    key.middleRows(head * width, rank) = cut.key;
    queryBias.segment(head * width, rank) = cut.queryBias;
    keyBias.segment(head * width, rank) = cut.keyBias;
  }
}

void AttentionWeights::truncateValueOutput(ArrayRef<ValueOutputFactorization> heads, int64_t rank, int64_t width) {
  int64_t rows = heads.size() * width;
  value = MatrixXd::Zero(rows, value.cols());
  output = MatrixXd::Zero(output.rows(), rows);
  valueBias = VectorXd::Zero(rows);
  for (auto [head, factors] : llvm::enumerate(heads)) {
    ValueOutputFactorization::Result cut = factors.truncate(rank);
    value.middleRows(head * width, rank) = cut.value;
    output.middleCols(head * width, rank) = cut.output;
    outputBias += cut.outputBias;
  }
}

void AttentionWeights::rotateHeads(int64_t heads) {
  auto rotate = [&](MatrixXd &map, VectorXd &bias) -> MatrixXd {
    MatrixXd rotation = hartleyMatrix(map.rows() / heads);
    for (int64_t row = 0; row < map.rows(); row += rotation.rows()) {
      map.middleRows(row, rotation.rows()) = rotation * map.middleRows(row, rotation.rows());
      bias.segment(row, rotation.rows()) = rotation * bias.segment(row, rotation.rows());
    }
    return rotation;
  };
  rotate(query, queryBias);
  rotate(key, keyBias);
  MatrixXd rotation = rotate(value, valueBias);
  for (int64_t column = 0; column < output.cols(); column += rotation.cols())
    output.middleCols(column, rotation.cols()) *= rotation.transpose();
}

std::array<AttentionMaps::ProjectionWeights, 3>
AttentionMaps::projectionWeights(const AttentionWeights &weights) const {
  std::array<ProjectionWeights, 3> parts = {{{&query, &weights.query, &weights.queryBias},
                                             {&key, &weights.key, &weights.keyBias},
                                             {&value, &weights.value, &weights.valueBias}}};
  llvm::sort(parts, [](const ProjectionWeights &a, const ProjectionWeights &b) {
    return a.projection->column < b.projection->column;
  });
  return parts;
}

LinearMap AttentionMaps::mapOf(LinearOp layer, const AttentionWeights &weights) {
  if (layer == outputLinear)
    return {weights.output, weights.outputBias};
  LinearMap result{MatrixXd(0, weights.query.cols()), VectorXd(0)};
  for (const ProjectionWeights &part : projectionWeights(weights)) {
    if (part.projection->linear != layer)
      continue;
    int64_t rows = result.weight.rows() + part.map->rows();
    result.weight.conservativeResize(rows, NoChange);
    result.weight.bottomRows(part.map->rows()) = *part.map;
    result.bias.conservativeResize(rows);
    result.bias.tail(part.map->rows()) = *part.bias;
  }
  return result;
}

SmallVector<LinearOp, 4> AttentionMaps::rewrite(const AttentionWeights &weights) {
  std::string reason = llvm::formatv("joint, heads of {0} for query and key, {1} for value",
                                     weights.query.rows() / heads(), weights.value.rows() / heads());
  SmallVector<LinearOp, 4> layers;
  llvm::DenseMap<const Projection *, Value> results;
  for (LinearOp linear : linears) {
    LinearMap map = mapOf(linear, weights);
    LinearOp narrowed = createNarrowed(linear, linear.getInput(), map.weight, map.bias, map.weight.rows(), reason);
    layers.push_back(narrowed);
    int64_t offset = 0;
    for (const ProjectionWeights &part : projectionWeights(weights)) {
      if (part.projection->linear != linear)
        continue;
      tensor::ExtractSliceOp slice = part.projection->slice;
      results[part.projection] = narrowed.getResult();
      if (slice) {
        OpBuilder builder(slice);
        auto sizes = [&](int64_t first, int64_t second) {
          return SmallVector<OpFoldResult>{builder.getIndexAttr(first), builder.getIndexAttr(second)};
        };
        results[part.projection] = tensor::ExtractSliceOp::create(
            builder, slice.getLoc(), narrowed.getResult(), sizes(part.projection->row, offset),
            sizes(part.projection->rows, part.map->rows()), sizes(1, 1));
      }
      offset += part.map->rows();
    }
  }
  OpBuilder builder(attention);
  auto narrowed = AttentionOp::create(builder, attention.getLoc(), attention.getLayer(), results[&query], results[&key],
                                      results[&value], attention.getBias(), attention.getHeads(), attention.getScale());
  LinearOp output = createNarrowed(outputLinear, narrowed.getResult(), weights.output, weights.outputBias,
                                   weights.output.cols(), reason);
  outputLinear.replaceAllUsesWith(output.getResult());
  outputLinear.erase();
  attention.erase();
  for (Projection *each : {&query, &key, &value})
    if (each->slice)
      each->slice.erase();
  for (LinearOp linear : linears)
    linear.erase();
  layers.push_back(output);
  return layers;
}

FailureOr<NarrowedAttention> AttentionMaps::narrow(HeadWidths target, ArrayRef<reference::Tensor> tokens) {
  FailureOr<AttentionWeights> weights = readWeights();
  if (failed(weights))
    return failure();
  NarrowedAttention result;
  std::vector<QueryKeyFactorization> scores = factorizeQueryKey(*weights, tokens);
  result.queryKeySpectrum = meanSpectrum(scores);
  if (target.queryKey)
    weights->truncateQueryKey(scores, target.queryKey, target.queryKey);
  // The averages depend on the attention weights that the truncated maps produce.
  std::vector<ValueOutputFactorization> outputs = factorizeValueOutput(*weights, tokens);
  result.valueSpectrum = meanSpectrum(outputs);
  if (target.value)
    weights->truncateValueOutput(outputs, target.value, target.value);
  result.layers = rewrite(*weights);
  return result;
}

} // namespace vitya
