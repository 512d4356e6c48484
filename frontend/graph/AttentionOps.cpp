// Attention, as one operator or as products of matrices and a softmax.
#include "frontend/graph/Converter.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace vitya {

/// The softmax of `scores` times values [heads, keys, width].
FailureOr<View> Converter::attend(const ScoresSource &scores, const View &value) {
  auto [query, key] = pairsApart(scores.query, scores.key);
  int64_t heads = query.map.size(0), width = query.map.size(2), queries = query.map.size(1),
          valueWidth = value.map.size(2);
  // Programs that compute 1 / sqrt(width) in parts, or in f32, get a number that differs by rounding.
  double usual = 1 / std::sqrt(double(width)), total = scores.scale * query.factor * key.factor;
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
  Value bias;
  if (scores.bias) {
    FailureOr<View> rows = rearranged(*scores.bias, scores.bias->map.permute({1, 0, 2}));
    rows = failed(rows) ? rows : reshaped(*rows, {queries, heads * key.map.size(1)});
    FailureOr<Value> constant = failed(rows) ? FailureOr<Value>(failure()) : emitter.constant(*rows);
    if (failed(constant))
      return failure();
    bias = *constant;
  }
  std::string name = emitter.uniqueName(node->module.empty() ? "attention" : node->module);
  Value result = AttentionOp::create(builder, emitter.location(name), name, operands[0], operands[1], operands[2], bias,
                                     heads, llvm::APFloat(total));
  View tokens = Emitter::tokens(result, {queries, heads, valueWidth});
  return rearranged(tokens, tokens.map.permute({1, 0, 2}));
}

/// `scores`, a view of query key^T, plus a constant of the same shape. Truth values stand for 0 and minus infinity. A
/// score of minus infinity becomes the lowest f32, whose exponential is 0 too. What is the same for all keys changes no
/// softmax and is left out.
FailureOr<View> Converter::biased(const View &scores, const View &bias, bool areTruthValues) {
  constexpr float lowest = std::numeric_limits<float>::lowest(), infinity = std::numeric_limits<float>::infinity();
  if (!isConstant(bias) || failed(settled(bias)))
    return emitter.fail("expected a mask or bias of attention scores that does not depend on the image, found another");
  const ScoresSource &source = *getSource<ScoresSource>(scores);
  std::optional<IndexMap> inverse = scores.map.inverse(), flat = inverse ? bias.map.compose(*inverse) : std::nullopt;
  int64_t keys = source.key.map.size(1);
  SmallVector<int64_t> shape{source.query.map.size(0), source.query.map.size(1), keys};
  FailureOr<View> placed = rearranged(bias, flat ? flat->reshape(shape) : std::nullopt);
  FailureOr<std::vector<float>> values =
      failed(placed) ? FailureOr<std::vector<float>>(failure()) : emitter.read(*placed);
  if (failed(values))
    return failure();
  bool isNeutral = true, isMasked = areTruthValues;
  for (MutableArrayRef<float> rest = *values; !rest.empty(); rest = rest.drop_front(keys)) {
    MutableArrayRef<float> row = rest.take_front(keys);
    for (float &value : row) {
      value = !areTruthValues ? value : value != 0 ? 0 : -infinity;
      isMasked |= value == -infinity;
      value = std::max(value, lowest); // NaN stays
    }
    if (llvm::any_of(row, [](float value) { return !std::isfinite(value); }))
      return emitter.fail("expected a mask or bias of attention scores without NaN and infinity, found one with them");
    if (llvm::all_of(row, [](float value) { return value == lowest; }))
      return emitter.fail("expected a mask that leaves a key to each query, found one that does not");
    isNeutral &= llvm::all_equal(row);
  }
  if (isNeutral)
    return scores;
  if (isMasked)
    placed = computed(getSource<ConstantSource>(bias)->name, shape, std::move(*values));
  ScoresSource result{source.query, source.key, source.scale * scores.factor, std::nullopt};
  if (source.bias) {
    View before = *source.bias;
    before.factor *= scores.factor;
    placed = failed(placed) ? placed : foldConstants(before, *placed, [](double a, double b) { return a + b; });
  }
  if (failed(placed))
    return failure();
  result.bias = *placed;
  return View{std::make_shared<Source>(std::move(result)), scores.map};
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
  ProbabilitiesSource result{*scores};
  result.scores.scale *= self->factor;
  if (result.scores.bias)
    result.scores.bias->factor *= self->factor;
  return Results{View{std::make_shared<Source>(std::move(result)), self->map}};
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
      ProbabilitiesSource{{*query, Emitter::tokens(linear.input, {1, count, inputs}), scores.factor, std::nullopt}});
  return arranged({source, flat->map}, flat->map.compose(scores.map));
}

/// The sum of values, [..., tokens, width], times attention weights of one query.
FailureOr<View> Converter::sumWeighted(const View &weighted, ArrayRef<int64_t> dims, ArrayRef<int64_t> shape) {
  const WeightedSource &product = *getSource<WeightedSource>(weighted);
  const ScoresSource &weights = getSource<ProbabilitiesSource>(product.weights)->scores;
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
  FailureOr<View> result = failed(values) ? values : attend(weights, *values);
  if (failed(result))
    return failure();
  result = reshaped(*result, shape);
  return failed(result) ? result : scaledBy(*result, weighted.factor);
}

FailureOr<Converter::Results> Converter::attention() {
  FailureOr<View> query = view("query"), key = view("key"), value = view("value");
  if (failed(query) || failed(key) || failed(value))
    return failure();
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
  ScoresSource scores{operands[0], operands[1], scale, std::nullopt};
  SmallVector<int64_t> shape = query->map.shape();
  shape.back() = key->map.size(rank - 2);
  if (const Argument *argument = node->find("attn_mask"); argument && !argument->isNone()) {
    FailureOr<View> mask = viewOf(*argument);
    FailureOr<View> expanded = failed(mask) ? mask : rearranged(*mask, mask->map.expand(shape));
    if (failed(expanded))
      return failure();
    bool areTruthValues = graph[*argument->as<ValueId>()].type == ScalarType::truth;
    View plain{std::make_shared<Source>(scores), *IndexMap::rowMajor(shape)};
    FailureOr<View> masked = biased(plain, *expanded, areTruthValues);
    if (failed(masked))
      return failure();
    scores = *getSource<ScoresSource>(*masked);
  }
  FailureOr<View> result = attend(scores, operands[2]);
  if (failed(result))
    return failure();
  shape.back() = operands[2].map.size(2);
  return arranged(*result, result->map.reshape(shape));
}

} // namespace vitya
