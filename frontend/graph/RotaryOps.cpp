// Rotary position embeddings, x * cos + rotate_half(x) * sin, which programs compute in steps.
#include "frontend/graph/Converter.h"

using namespace mlir;

namespace vitya {

/// Whether two views have the same elements, up to a factor.
static bool isSameOperand(const View &a, const View &b) { return a.source == b.source && a.map == b.map; }

/// The concatenation of -b and a, where a and b are halves of the columns of a tensor, or the even and the odd ones.
std::optional<View> Converter::quarterTurn(ArrayRef<View> parts, int64_t dim) {
  int64_t rank = parts.front().map.rank();
  if (parts.size() != 2 || dim != rank - 1 || isConstant(parts[0]) || parts[0].source != parts[1].source ||
      parts[0].factor != -parts[1].factor)
    return std::nullopt;
  const IndexMap &first = parts[1].map, &second = parts[0].map;
  if (!(first.from(0) == second.from(0)) || first.shape() != second.shape())
    return std::nullopt;
  // Parts of one column are stacked.
  SmallVector<int64_t> shape = first.shape();
  bool interleaved = shape.back() == 1 && rank > 1;
  if (interleaved)
    shape.pop_back();
  std::optional<IndexMap> map = first.reshape(shape);
  map = map ? std::optional(map->product(IndexMap::counting(2, second.offset() - first.offset()))) : std::nullopt;
  if (!interleaved && map) {
    SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, shape.size() + 1));
    std::swap(order.back(), *std::prev(order.end(), 2));
    map = map->permute(order);
  }
  shape.back() *= 2;
  map = map ? map->reshape(shape) : std::nullopt;
  SmallVector<int64_t> joined = parts[0].map.shape();
  joined.back() *= 2;
  if (!map)
    return std::nullopt;
  View operand{parts[1].source, *map};
  return View{std::make_shared<Source>(QuarterTurnSource{operand, interleaved}), *IndexMap::rowMajor(joined),
              parts[1].factor};
}

/// The sum of x * cos and of a quarter turn of x times sin.
std::optional<View> Converter::rotation(const View &left, const View &right) {
  for (auto [straight, turned] : {std::pair(left, right), std::pair(right, left)}) {
    auto *cosine = getSource<ScaledSource>(straight), *sine = getSource<ScaledSource>(turned);
    auto *turn = sine ? getSource<QuarterTurnSource>(sine->operand) : nullptr;
    if (!cosine || !turn || !straight.map.isRowMajor() || !turned.map.isRowMajor() || !sine->operand.map.isRowMajor() ||
        straight.map.shape() != turn->operand.map.shape() || !isSameOperand(cosine->operand, turn->operand) ||
        straight.map.shape() != turned.map.shape())
      continue;
    View cos = cosine->factors, sin = sine->factors;
    cos.factor *= straight.factor * cosine->operand.factor;
    sin.factor *= turned.factor * sine->operand.factor;
    View operand{turn->operand.source, turn->operand.map};
    return View{std::make_shared<Source>(RotarySource{operand, cos, sin, turn->interleaved, "", std::nullopt}),
                straight.map};
  }
  return std::nullopt;
}

/// Tokens of which some are rotated, such as those of the patches, as rotated tokens of which others have the angle 0.
std::optional<View> Converter::joinRotated(ArrayRef<View> parts, int64_t dim) {
  auto *rotary = llvm::find_if(parts, [](const View &part) { return getSource<RotarySource>(part); });
  if (rotary == parts.end())
    return std::nullopt;
  RotarySource result = *getSource<RotarySource>(*rotary);
  SmallVector<View> operands, cosines, sines;
  int64_t count = 0;
  for (const View &part : parts) {
    auto *rotated = getSource<RotarySource>(part);
    bool isFitting = rotated
                         ? !rotated->result && rotated->interleaved == result.interleaved && part.map.isRowMajor() &&
                               part.factor == 1 && part.map.shape() == rotated->operand.map.shape()
                         : part.factor == 1;
    if (!isFitting)
      return std::nullopt;
    operands.push_back(rotated ? rotated->operand : part);
    auto constant = [&](float value) {
      View one = Emitter::makeConstant("rotary", {1}, {value});
      return View{one.source, *one.map.expand(part.map.shape())};
    };
    cosines.push_back(rotated ? rotated->cos : constant(1));
    sines.push_back(rotated ? rotated->sin : constant(0));
    count += part.map.size(dim);
  }
  // All operands are neighbouring parts of one tensor.
  const View &last = operands.back();
  ArrayRef<Digit> digits = last.map.digits(dim);
  if (digits.size() != 1)
    return std::nullopt;
  int64_t stride = digits[0].stride, rank = last.map.rank();
  SmallVector<int64_t> shape = last.map.shape(), order;
  shape.erase(shape.begin() + dim);
  for (int64_t each = 0; each < rank; ++each)
    order.push_back(each < dim ? each : each == dim ? rank - 1 : each - 1);
  std::optional<IndexMap> map = last.map.slice(dim, 0, 1)->reshape(shape);
  map = map ? map->from(operands.front().map.offset()).product(IndexMap::counting(count, stride)).permute(order)
            : std::nullopt;
  int64_t next = 0;
  for (const View &operand : operands) {
    int64_t size = operand.map.size(dim);
    std::optional<IndexMap> slice = map ? map->slice(dim, next, size) : std::nullopt;
    if (!slice || operand.source != last.source || !(*slice == operand.map))
      return std::nullopt;
    next += size;
  }
  // What all heads have in common is stored once.
  auto concatenated = [&](SmallVector<View> tables) -> FailureOr<View> {
    for (int64_t each = 0; each < rank; ++each)
      if (each != dim && llvm::all_of(tables, [&](const View &table) { return table.map.isCounting(each, 0); }))
        for (View &table : tables)
          table.map = *table.map.slice(each, 0, 1);
    FailureOr<View> all = foldConcatenation(tables, dim);
    return failed(all) ? all : rearranged(*all, all->map.expand(map->shape()));
  };
  FailureOr<View> cos = concatenated(cosines), sin = concatenated(sines);
  if (failed(cos) || failed(sin))
    return std::nullopt;
  result.operand.map = *map;
  result.cos = *cos;
  result.sin = *sin;
  return View{std::make_shared<Source>(std::move(result)), *IndexMap::rowMajor(map->shape())};
}

/// `view` with the even columns of each head, its last dimension, before the odd ones.
static std::optional<View> evenBeforeOdd(const View &view) {
  SmallVector<int64_t> shape = view.map.shape(), split = shape, order;
  split.back() /= 2;
  split.push_back(2);
  llvm::append_range(order, llvm::seq<int64_t>(0, split.size()));
  std::swap(order.back(), order[order.size() - 2]);
  std::optional<IndexMap> map = view.map.reshape(split);
  map = map ? map->permute(order) : std::nullopt;
  map = map ? map->reshape(shape) : std::nullopt;
  return map ? std::optional(View{view.source, *map, view.factor}) : std::nullopt;
}

/// Queries and keys whose pairs are neighbouring columns, with the columns of each pair half a head apart if linear
/// layers compute both: the rows of their weights are reordered. The order does not change the products of queries and
/// keys, and vectors of whole halves need no shuffles.
std::pair<View, View> Converter::pairsApart(const View &query, const View &key) {
  std::pair<View, View> result(query, key);
  for (View *view : {&result.first, &result.second}) {
    auto *rotary = getSource<RotarySource>(*view);
    if (!rotary || !rotary->interleaved || rotary->result || !getSource<LinearSource>(rotary->operand))
      return {query, key};
    std::optional<View> operand = evenBeforeOdd(rotary->operand), cos = evenBeforeOdd(rotary->cos),
                        sin = evenBeforeOdd(rotary->sin);
    if (!operand || !cos || !sin)
      return {query, key};
    view->source = std::make_shared<Source>(RotarySource{*operand, *cos, *sin, false, "", std::nullopt});
  }
  return result;
}

} // namespace vitya
