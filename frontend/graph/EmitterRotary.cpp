// Products with constants, and the rotary position embeddings that are made of them.
#include "frontend/graph/Emitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace vitya {

/// A view of a product with constants as a view of the result of an op.
FailureOr<View> Emitter::evaluateScaled(const View &view) {
  const ScaledSource &source = *getSource<ScaledSource>(view);
  FailureOr<Rows> anchor = whole(source.operand);
  FailureOr<View> placed = failed(anchor) ? FailureOr<View>(failure()) : inPlaceOf(*anchor, source.factors);
  if (failed(placed))
    return failure();
  FailureOr<Value> factors = constant(*placed);
  FailureOr<IndexMap> result = arranged(anchor->map.compose(view.map));
  if (failed(factors) || failed(result))
    return failure();
  Value product = arith::MulFOp::create(builder, anchor->value.getLoc(), anchor->value, *factors);
  return View{std::make_shared<Source>(TokensSource{product}), *result, view.factor};
}

/// The table of vitya.rotary_embedding for `factors`, sines or cosines that have the shape of the operand.
FailureOr<Value> Emitter::rotaryTable(const View &factors, const HeadRows &heads, bool interleaved, StringRef name) {
  FailureOr<IndexMap> map = arranged(heads.matrix(factors.map));
  FailureOr<std::vector<float>> all =
      failed(map) ? FailureOr<std::vector<float>>(failure()) : read({factors.source, *map, factors.factor});
  if (failed(all))
    return failure();
  int64_t pairs = heads.width / 2, step = interleaved ? 2 : 1, distance = interleaved ? 1 : pairs;
  auto at = [&](int64_t token, int64_t head, int64_t column) {
    return (*all)[(token * heads.heads + head) * heads.width + column];
  };
  bool areHeadsEqual = true;
  for (int64_t token = 0; token < heads.tokens; ++token)
    for (int64_t head = 0; head < heads.heads; ++head)
      for (int64_t pair = 0; pair < pairs; ++pair) {
        float value = at(token, head, pair * step);
        if (value != at(token, head, pair * step + distance))
          return fail("expected rotary position embeddings with one angle for both columns of a pair, found two");
        areHeadsEqual &= value == at(token, 0, pair * step);
      }
  std::vector<float> table;
  for (int64_t token = 0; token < heads.tokens; ++token)
    for (int64_t head = 0; head < (areHeadsEqual ? 1 : heads.heads); ++head)
      for (int64_t pair = 0; pair < pairs; ++pair)
        table.push_back(at(token, head, pair * step));
  // All queries and keys have the same angles, usually.
  int64_t shape[] = {heads.tokens, static_cast<int64_t>(table.size()) / heads.tokens};
  auto known = llvm::find_if(tables, [&](const View &each) {
    return getSource<ConstantSource>(each)->values == table && each.map.shape() == ArrayRef<int64_t>(shape);
  });
  if (known != tables.end())
    return constant(*known);
  tables.push_back(makeConstant(uniqueName(name), shape, std::move(table)));
  return constant(tables.back());
}

/// A view of rotary position embeddings as a view of the result of an op.
FailureOr<View> Emitter::evaluateRotary(const View &view) {
  auto &source = *getSource<RotarySource>(view);
  if (!source.result) {
    FailureOr<View> operand = isComputedInSteps(source.operand) ? evaluate(source.operand) : source.operand;
    std::optional<HeadRows> heads = failed(operand) ? std::nullopt : headRows(*operand);
    if (failed(operand))
      return failure();
    if (!heads)
      return fail(
          "expected rotary position embeddings of queries or keys, [..., heads, tokens, width] or [..., tokens, "
          "heads, width], found another operand");
    FailureOr<Value> matrix =
        this->matrix({operand->source, *heads->matrix(operand->map), operand->factor}, source.part);
    FailureOr<Value> cos = rotaryTable(source.cos, *heads, source.interleaved, "rotary.cos"),
                     sin = failed(cos) ? cos : rotaryTable(source.sin, *heads, source.interleaved, "rotary.sin");
    if (failed(matrix) || failed(sin))
      return failure();
    Value result =
        RotaryEmbeddingOp::create(builder, matrix->getLoc(), *matrix, *cos, *sin, heads->heads, source.interleaved);
    source.result = heads->apart(result, operand->map.shape());
  }
  FailureOr<IndexMap> map = arranged(source.result->map.compose(view.map));
  return failed(map) ? FailureOr<View>(failure()) : View{source.result->source, *map, view.factor};
}

} // namespace vitya
