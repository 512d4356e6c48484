// Tensors that are written part by part, and truth values.
#include "frontend/graph/Converter.h"
#include <cmath>

using namespace mlir;

namespace vitya {

FailureOr<Converter::Results> Converter::allocate() {
  SmallVector<int64_t> shape;
  if (node->find("self") && !node->find("size")) {
    FailureOr<View> self = view("self");
    if (failed(self))
      return failure();
    shape = self->map.shape();
  } else {
    FailureOr<SmallVector<int64_t>> sizes = integers("size");
    if (failed(sizes))
      return failure();
    shape = *sizes;
  }
  StringRef name = node->op;
  std::optional<double> fill = number("fill_value");
  if (name.contains("zeros"))
    fill = 0;
  else if (name.contains("ones"))
    fill = 1;
  if (shape.empty() && fill)
    return results(computed("", {}, {static_cast<float>(*fill)}));
  std::optional<IndexMap> map = IndexMap::rowMajor(shape);
  if (!map || shape.empty())
    return emitter.fail("expected a tensor of positive sizes, found another");
  return Results{View{std::make_shared<Source>(BufferSource{shape, fill, {}, {}}), *map}};
}

FailureOr<Converter::Results> Converter::copy() {
  FailureOr<View> self = view("self"), from = operand(node->find("src") ? "src" : "value");
  if (failed(self) || failed(from))
    return failure();
  if (!StringRef(node->op).ends_with("_"))
    return arranged(*from, from->map.expand(self->map.shape()));
  auto *buffer = getSource<BufferSource>(*self);
  if (!buffer)
    return emitter.fail(
        "expected assignments only to parts of a new tensor, such as torch.zeros, that nothing has read "
        "yet, found another");
  if (getSource<BufferSource>(*from))
    return emitter.fail("expected computed values to be assigned, found a tensor that is itself assigned part by part");
  FailureOr<View> repeated = rearranged(*from, from->map.expand(self->map.shape()));
  if (failed(repeated))
    return failure();
  buffer->parts.push_back(*repeated);
  buffer->places.push_back(self->map);
  return Results{*self};
}

/// slice_scatter and select_scatter: a copy of a new tensor or a constant with another part.
FailureOr<Converter::Results> Converter::scatter() {
  FailureOr<View> self = view("self"), from = operand("src");
  if (failed(self) || failed(from))
    return failure();
  if (getSource<ConstantSource>(*self)) { // becomes a new tensor of which everything is assigned
    SmallVector<int64_t> shape = self->map.shape();
    FailureOr<IndexMap> whole = emitter.arranged(IndexMap::rowMajor(shape));
    if (failed(whole))
      return failure();
    self = View{std::make_shared<Source>(BufferSource{shape, std::nullopt, {*self}, {*whole}}), *whole};
    values[unsigned(*node->find("self")->as<ValueId>())] = *self;
  }
  auto *buffer = getSource<BufferSource>(*self);
  FailureOr<Results> part = node->op == "select_scatter" ? select() : slice();
  if (failed(part) || !buffer)
    return emitter.fail(
        "expected assignments only to parts of a new tensor, such as torch.zeros, that nothing has read "
        "yet, found another");
  if (getSource<BufferSource>(*from))
    return emitter.fail("expected computed values to be assigned, found a tensor that is itself assigned part by part");
  FailureOr<View> repeated = rearranged(*from, from->map.expand(part->front().map.shape()));
  if (failed(repeated))
    return failure();
  BufferSource result = *buffer;
  result.parts.push_back(*repeated);
  result.places.push_back(part->front().map);
  return Results{View{std::make_shared<Source>(std::move(result)), self->map}};
}

/// Only the test for minus infinity that protects the softmax of masked scores. Scores of a valid model are finite.
FailureOr<Converter::Results> Converter::compare() {
  FailureOr<View> self = view("self");
  std::optional<double> other = number("other");
  if (failed(self) || !other || *other != -HUGE_VAL)
    return emitter.fail("expected a comparison with minus infinity, found another");
  return Results{View{std::make_shared<Source>(TruthSource{false}), self->map}};
}

} // namespace vitya
