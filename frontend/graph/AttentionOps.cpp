// Attention, as one operator or as products of matrices and a softmax.
#include "frontend/graph/Converter.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace vitya {

/// softmax(scale query key^T) value for tensors [heads, tokens, width].
FailureOr<View> Converter::attend(const View &givenQuery, const View &givenKey, const View &value, double scale) {
  auto [query, key] = pairsApart(givenQuery, givenKey);
  int64_t heads = query.map.size(0), width = query.map.size(2), queries = query.map.size(1),
          valueWidth = value.map.size(2);
  // Programs that compute 1 / sqrt(width) in parts, or in f32, get a number that differs by rounding.
  double usual = 1 / std::sqrt(double(width)), total = scale * query.factor * key.factor;
  constexpr double rounding = std::numeric_limits<float>::epsilon();
  if (std::abs(total - usual) < rounding * usual)
    total = usual;
  SmallVector<Value> operands;
  for (auto [part, operand] : {std::pair("q", query), std::pair("k", key), std::pair("v", value)}) {
    if (auto *rotary = getSource<RotarySource>(operand))
      rotary->part = part;
    FailureOr<View> tokens = rearranged(operand, operand.map.permute({1, 0, 2}));
    tokens = failed(tokens) ? tokens : reshaped(*tokens, {operand.map.size(1), heads * operand.map.size(2)});
    if (succeeded(tokens) && operands.size() < 2)
      tokens->factor = 1;
    FailureOr<Value> matrix = failed(tokens) ? FailureOr<Value>(failure()) : emitter.matrix(*tokens, part);
    if (failed(matrix))
      return failure();
    operands.push_back(*matrix);
  }
  std::string name = emitter.uniqueName(node->module.empty() ? "attention" : node->module);
  Value result = AttentionOp::create(builder, emitter.location(name), name, operands[0], operands[1], operands[2],
                                     heads, llvm::APFloat(total), TypeAttr());
  View tokens = Emitter::tokens(result, {queries, heads, valueWidth});
  return rearranged(tokens, tokens.map.permute({1, 0, 2}));
}

FailureOr<Converter::Results> Converter::softmax() {
  FailureOr<View> self = view("self");
  if (failed(self))
    return failure();
  FailureOr<int64_t> dim = dimension("dim", self->map.rank());
  if (failed(dim))
    return failure();
  if (getSource<LinearSource>(*self))
    return softmaxOfTokens(*self, *dim);
  auto *scores = getSource<ScoresSource>(*self);
  if (!scores || !self->map.inverse() || !self->map.isCounting(*dim, 1) ||
      self->map.size(*dim) != scores->key.map.size(1))
    return emitter.fail("expected a softmax over the keys of scores, query key^T, found another");
  return Results{
      View{std::make_shared<Source>(ProbabilitiesSource{scores->query, scores->key, self->factor}), self->map}};
}

/// A softmax over the tokens of each output of a linear layer: attention of the weight, whose queries are its rows. A
/// bias is the same for all tokens, so the softmax does not depend on it.
FailureOr<Converter::Results> Converter::softmaxOfTokens(const View &scores, int64_t dim) {
  const LinearSource &linear = *getSource<LinearSource>(scores);
  int64_t outputs = linear.weight.map.size(0), inputs = linear.weight.map.size(1),
          count = cast<RankedTensorType>(linear.input.getType()).getDimSize(0);
  std::optional<IndexMap> swapped = IndexMap::rowMajor({outputs, count})->permute({1, 0});
  if (!scores.map.inverse() || !scores.map.isCounting(dim, outputs) || scores.map.size(dim) != count)
    return emitter.fail("expected a softmax over the tokens of all outputs of a linear layer, found another");
  FailureOr<View> query = reshaped(linear.weight, {1, outputs, inputs});
  FailureOr<View> flat = rearranged(scores, swapped->reshape({outputs * count}));
  if (failed(query) || failed(flat))
    return failure();
  auto source = std::make_shared<Source>(
      ProbabilitiesSource{*query, Emitter::tokens(linear.input, {1, count, inputs}), scores.factor});
  return arranged({source, flat->map}, flat->map.compose(scores.map));
}

/// The sum of values, [..., tokens, width], times attention weights of one query.
FailureOr<View> Converter::sumWeighted(const View &weighted, ArrayRef<int64_t> dims, ArrayRef<int64_t> shape) {
  const WeightedSource &product = *getSource<WeightedSource>(weighted);
  const ProbabilitiesSource &weights = *getSource<ProbabilitiesSource>(product.weights);
  int64_t count = weights.key.map.size(1);
  const IndexMap &map = product.weights.map;
  auto isFree = [&](int64_t dim) { return dim == dims.front() || map.isCounting(dim, 0); };
  if (dims.size() != 1 || weights.query.map.size(0) != 1 || weights.query.map.size(1) != 1 ||
      map.size(dims.front()) != count || !map.isCounting(dims.front(), 1) || map.offset() != 0 ||
      product.weights.factor != 1 || !llvm::all_of(llvm::seq<int64_t>(0, map.rank()), isFree))
    return emitter.fail("expected a sum of tokens times attention weights, found another");
  SmallVector<int64_t> order = {dims.front()};
  for (int64_t dim = 0; dim < int64_t(map.rank()); ++dim)
    if (dim != dims.front())
      order.push_back(dim);
  FailureOr<View> values = rearranged(product.values, product.values.map.permute(order));
  values = failed(values) ? values : reshaped(*values, {1, count, product.values.map.elements() / count});
  FailureOr<View> result = failed(values) ? values : attend(weights.query, weights.key, *values, weights.scale);
  if (failed(result))
    return failure();
  result = reshaped(*result, shape);
  return failed(result) ? result : scaledBy(*result, weighted.factor);
}

FailureOr<Converter::Results> Converter::attention() {
  FailureOr<View> query = view("query"), key = view("key"), value = view("value");
  if (failed(query) || failed(key) || failed(value))
    return failure();
  if (const Argument *argument = node->find("attn_mask"); argument && !argument->isNone()) {
    FailureOr<View> mask = viewOf(*argument);
    if (failed(mask) || failed(checkMask(*mask, graph[*argument->as<ValueId>()].type == ScalarType::truth)))
      return failure();
  }
  if (flag("is_causal", false) || flag("enable_gqa", false) || number("dropout_p").value_or(0) != 0)
    return emitter.fail("expected attention that is not causal, without dropout and groups of queries, found another");
  size_t rank = query->map.rank();
  SmallVector<View> operands{*query, *key, *value};
  int64_t heads = 1;
  for (size_t dim = 0; dim + 2 < rank; ++dim)
    heads *= query->map.size(dim);
  for (View &operand : operands) {
    if (rank < 2 || operand.map.rank() != rank)
      return emitter.fail("expected queries, keys and values [heads, tokens, width], found others");
    FailureOr<View> flat = reshaped(operand, {heads, operand.map.size(rank - 2), operand.map.size(rank - 1)});
    if (failed(flat))
      return failure();
    operand = *flat;
  }
  int64_t width = query->map.size(rank - 1);
  if (operands[1].map.size(2) != width || operands[1].map.size(1) != operands[2].map.size(1))
    return emitter.fail("expected queries and keys of one width, and a value for each key, found others");
  double scale = number("scale").value_or(1 / std::sqrt(double(width)));
  FailureOr<View> result = attend(operands[0], operands[1], operands[2], scale);
  if (failed(result))
    return failure();
  SmallVector<int64_t> shape = query->map.shape();
  shape.back() = operands[2].map.size(2);
  return arranged(*result, result->map.reshape(shape));
}

} // namespace vitya
