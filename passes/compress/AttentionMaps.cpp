// Recognises the layers around an attention and narrows its heads.
#include "passes/compress/AttentionMaps.h"
#include "dialect/reference/Interpreter.h"
#include "dialect/reference/Ops.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "passes/numerics/AttentionFactorization.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

namespace vitya {
namespace {

/// The linear layer and the rectangle of its result that `value` is, or nothing.
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

/// Row-major f32 of `matrix`.
reference::Tensor toTensor(const MatrixXd &matrix, Type f32) {
  reference::Tensor result({matrix.rows(), matrix.cols()}, f32);
  result.mutableMatrix() = matrix.cast<float>();
  return result;
}

reference::Tensor toTensor(const VectorXd &vector, Type f32) {
  return toTensor(MatrixXd(vector.transpose()), f32).reshaped({vector.size()});
}

/// `count` rows of `tokens` from `row` on.
reference::Tensor rowsOf(const reference::Tensor &tokens, int64_t row, int64_t count) {
  return reference::extractSlice(tokens, {{row, 0}, {count, tokens.dim(1)}, {1, 1}});
}

} // namespace

llvm::Expected<AttentionMaps> AttentionMaps::match(AttentionOp attention) {
  AttentionMaps maps;
  maps.attention = attention;
  std::array<std::optional<Projection>, 3> found = {
      projectionOf(attention.getQuery()), projectionOf(attention.getKey()), projectionOf(attention.getValue())};
  if (!llvm::all_of(found, [](const auto &each) { return each.has_value(); }))
    return llvm::createStringError("query, key and value are not all columns of linear layers");
  maps.query = *found[0];
  maps.key = *found[1];
  maps.value = *found[2];
  llvm::DenseMap<Operation *, int64_t> columns;
  for (Projection each : {maps.query, maps.key, maps.value}) {
    if (each.linear.getInput() != maps.query.linear.getInput())
      return llvm::createStringError("query, key and value are not computed from one input");
    Value result = each.slice ? each.slice.getResult() : each.linear.getResult();
    if (!result.hasOneUse() || (each.slice && each.slice->getBlock() != attention->getBlock()))
      return llvm::createStringError("something else reads query, key or value");
    columns[each.linear] += each.width;
    if (!llvm::is_contained(maps.linears, each.linear))
      maps.linears.push_back(each.linear);
  }
  for (LinearOp linear : maps.linears) {
    auto isOurs = [&](Operation *user) {
      return user == attention || llvm::any_of(found, [&](const auto &each) { return each->slice == user; });
    };
    if (columns[linear] != linear.getType().getDimSize(1) || !llvm::all_of(linear->getUsers(), isOurs))
      return llvm::createStringError("something else reads the layers of query, key and value");
  }
  llvm::sort(maps.linears, [](LinearOp a, LinearOp b) { return a->isBeforeInBlock(b); });
  if (attention->hasOneUse())
    maps.outputLinear = dyn_cast<LinearOp>(*attention->user_begin());
  if (!maps.outputLinear || maps.outputLinear.getInput() != attention.getResult())
    return llvm::createStringError("the result is not read by one linear layer alone");
  return maps;
}

FailureOr<AttentionMaps::Weights> AttentionMaps::readWeights() {
  Weights weights;
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
  if (failed(read(query, weights.query, weights.queryBias)) || failed(read(key, weights.key, weights.keyBias)) ||
      failed(read(value, weights.value, weights.valueBias)) || failed(output) || failed(outputBias))
    return failure();
  weights.output = std::move(*output);
  weights.outputBias = std::move(*outputBias);
  return weights;
}

void AttentionMaps::narrowQueryKey(Weights &weights, int64_t width, ArrayRef<reference::Tensor> tokens, int threads) {
  Moments moments(tokens.front().dim(1));
  for (const reference::Tensor &each : tokens)
    moments.add(Samples(each.matrix()));
  int64_t old = widths().queryKey, in = weights.query.cols();
  MatrixXd queries(heads() * width, in), keys(heads() * width, in);
  VectorXd queryBias(heads() * width), keyBias(heads() * width);
  reference::runParallel(threads, heads(), [&](int64_t head) {
    QueryKey maps{weights.query.middleRows(head * old, old), weights.key.middleRows(head * old, old),
                  weights.queryBias.segment(head * old, old), weights.keyBias.segment(head * old, old)};
    QueryKey narrowed = QueryKeyFactorization(maps, moments).truncate(width);
    queries.middleRows(head * width, width) = narrowed.query;
    keys.middleRows(head * width, width) = narrowed.key;
    queryBias.segment(head * width, width) = narrowed.queryBias;
    keyBias.segment(head * width, width) = narrowed.keyBias;
  });
  weights.query = std::move(queries);
  weights.key = std::move(keys);
  weights.queryBias = std::move(queryBias);
  weights.keyBias = std::move(keyBias);
}

void AttentionMaps::narrowValue(Weights &weights, int64_t width, ArrayRef<reference::Tensor> tokens, int threads) {
  int64_t old = widths().value, in = weights.value.cols(), scored = weights.query.rows() / heads();
  MatrixXd values(heads() * width, in), output(weights.output.rows(), heads() * width);
  std::vector<VectorXd> biases(heads());
  Type f32 = attention.getType().getElementType();
  double scale = attention.getScale().convertToDouble();
  reference::runParallel(threads, heads(), [&](int64_t head) {
    reference::Tensor queryMap = toTensor(MatrixXd(weights.query.middleRows(head * scored, scored)), f32);
    reference::Tensor queryBias = toTensor(VectorXd(weights.queryBias.segment(head * scored, scored)), f32);
    reference::Tensor keyMap = toTensor(MatrixXd(weights.key.middleRows(head * scored, scored)), f32);
    reference::Tensor keyBias = toTensor(VectorXd(weights.keyBias.segment(head * scored, scored)), f32);
    // What the head averages, seen before its value map.
    Moments averaged(in);
    for (const reference::Tensor &each : tokens) {
      reference::Tensor queries = reference::linear(rowsOf(each, query.row, query.rows), queryMap, &queryBias);
      reference::Tensor keys = reference::linear(rowsOf(each, key.row, key.rows), keyMap, &keyBias);
      reference::Tensor result =
          reference::attention(queries, keys, rowsOf(each, value.row, value.rows), /*heads=*/1, scale);
      averaged.add(Samples(result.matrix()));
    }
    ValueOutput maps{weights.value.middleRows(head * old, old), weights.output.middleCols(head * old, old),
                     weights.valueBias.segment(head * old, old)};
    ValueOutputFactorization::Result narrowed = ValueOutputFactorization(maps, averaged).truncate(width);
    values.middleRows(head * width, width) = narrowed.value;
    output.middleCols(head * width, width) = narrowed.output;
    biases[head] = narrowed.outputBias;
  });
  for (const VectorXd &bias : biases)
    weights.outputBias += bias;
  weights.value = std::move(values);
  weights.output = std::move(output);
  weights.valueBias = VectorXd::Zero(heads() * width);
}

LinearOp AttentionMaps::rewrite(const Weights &weights) {
  struct Part {
    Projection *projection;
    const MatrixXd *map;
    const VectorXd *bias;
  };
  std::array<Part, 3> parts = {{{&query, &weights.query, &weights.queryBias},
                                {&key, &weights.key, &weights.keyBias},
                                {&value, &weights.value, &weights.valueBias}}};
  llvm::sort(parts, [](const Part &a, const Part &b) { return a.projection->column < b.projection->column; });
  std::string reason = llvm::formatv("joint, heads of {0} for query and key, {1} for value",
                                     weights.query.rows() / heads(), weights.value.rows() / heads());
  llvm::DenseMap<Projection *, Value> results;
  for (LinearOp linear : linears) {
    MatrixXd map(0, linear.getInput().getType().getDimSize(1));
    VectorXd bias(0);
    SmallVector<std::pair<const Part *, int64_t>> offsets;
    for (const Part &part : parts) {
      if (part.projection->linear != linear)
        continue;
      int64_t offset = map.rows();
      offsets.push_back({&part, offset});
      map.conservativeResize(offset + part.map->rows(), NoChange);
      map.bottomRows(part.map->rows()) = *part.map;
      bias.conservativeResize(map.rows());
      bias.tail(part.map->rows()) = *part.bias;
    }
    LinearOp narrowed = makeNarrower(linear, linear.getInput(), map, bias, map.rows(), reason);
    for (auto [part, offset] : offsets) {
      tensor::ExtractSliceOp slice = part->projection->slice;
      results[part->projection] = narrowed.getResult();
      if (!slice)
        continue;
      OpBuilder builder(slice);
      auto sizes = [&](int64_t first, int64_t second) {
        return SmallVector<OpFoldResult>{builder.getIndexAttr(first), builder.getIndexAttr(second)};
      };
      results[part->projection] = tensor::ExtractSliceOp::create(
          builder, slice.getLoc(), narrowed.getResult(), sizes(part->projection->row, offset),
          sizes(part->projection->rows, part->map->rows()), sizes(1, 1));
    }
  }
  OpBuilder builder(attention);
  auto narrowed = AttentionOp::create(builder, attention.getLoc(), attention.getLayer(), results[&query], results[&key],
                                      results[&value], attention.getHeads(), attention.getScale());
  LinearOp output = makeNarrower(outputLinear, narrowed.getResult(), weights.output, weights.outputBias,
                                 weights.output.cols(), reason);
  outputLinear.replaceAllUsesWith(output.getResult());
  outputLinear.erase();
  attention.erase();
  for (Projection *each : {&query, &key, &value})
    if (each->slice)
      each->slice.erase();
  for (LinearOp linear : linears)
    linear.erase();
  return output;
}

FailureOr<LinearOp> AttentionMaps::narrow(HeadWidths target, ArrayRef<reference::Tensor> tokens, int threads) {
  FailureOr<Weights> weights = readWeights();
  if (failed(weights))
    return failure();
  if (!llvm::all_of(tokens, [](const reference::Tensor &each) { return each.matrix().allFinite(); }))
    return linears.front().emitOpError("expected finite inputs on the calibration images, found NaN or infinity");
  if (target.queryKey)
    narrowQueryKey(*weights, target.queryKey, tokens, threads);
  if (target.value)
    narrowValue(*weights, target.value, tokens, threads);
  return rewrite(*weights);
}

} // namespace vitya
