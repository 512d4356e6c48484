// Attention, as one operator or as products of matrices and a softmax.
#include "frontend/graph/Converter.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace vitya {

/// softmax(scale query key^T) value for tensors [heads, tokens, width].
FailureOr<View> Converter::attend(const View &query, const View &key, const View &value, double scale) {
  int64_t heads = query.map.size(0), width = query.map.size(2), queries = query.map.size(1),
          valueWidth = value.map.size(2);
  // Programs that compute 1 / sqrt(width) in parts, or in f32, get a number that differs by rounding.
  double usual = 1 / std::sqrt(double(width)), total = scale * query.factor * key.factor;
  constexpr double rounding = std::numeric_limits<float>::epsilon();
  if (std::abs(total - usual) < rounding * usual)
    total = usual;
  SmallVector<Value> operands;
  for (auto [part, operand] : {std::pair("q", query), std::pair("k", key), std::pair("v", value)}) {
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
  auto *scores = getSource<ScoresSource>(*self);
  if (!scores || !self->map.inverse() || !self->map.isCounting(*dim, 1) ||
      self->map.size(*dim) != scores->key.map.size(1))
    return emitter.fail("expected a softmax over the keys of scores, query key^T, found another");
  return Results{
      View{std::make_shared<Source>(ProbabilitiesSource{scores->query, scores->key, self->factor}), self->map}};
}

FailureOr<Converter::Results> Converter::attention() {
  FailureOr<View> query = view("query"), key = view("key"), value = view("value");
  if (failed(query) || failed(key) || failed(value))
    return failure();
  if (optionalView("attn_mask") || flag("is_causal", false) || flag("enable_gqa", false) ||
      number("dropout_p").value_or(0) != 0)
    return emitter.fail("expected attention without masks, dropout and groups of queries, found another");
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
