// Elements at constant indices, and strides in memory.
#include "frontend/graph/Converter.h"
#include "llvm/ADT/STLExtras.h"
#include <numeric>

using namespace mlir;

namespace vitya {

/// `offsets`, which a tensor of `shape` holds, as a map from its indices, if each step in a dimension adds the same.
static std::optional<IndexMap> findStrides(ArrayRef<int64_t> offsets, ArrayRef<int64_t> shape) {
  IndexMap map = IndexMap().from(offsets.front());
  int64_t after = offsets.size();
  for (int64_t size : shape) {
    after /= size;
    int64_t stride = size > 1 ? offsets[after] - offsets.front() : 0;
    if (stride < 0)
      return std::nullopt;
    map = map.product(IndexMap::counting(size, stride));
  }
  bool isSame = true;
  const int64_t *next = offsets.begin();
  map.forEach([&](int64_t offset) { isSame &= offset == *next++; });
  return isSame ? std::optional(map) : std::nullopt;
}

/// The elements of `self` whose indices in the dimensions from `first` on are those in `indices`, constants.
FailureOr<View> Converter::indexed(const View &self, size_t first, ArrayRef<View> indices) {
  SmallVector<int64_t> shape = self.map.shape(), places;
  if (indices.empty() || first + indices.size() > shape.size())
    return emitter.fail("expected indices of the dimensions of a tensor, found others");
  SmallVector<View> all;
  View widest = indices.front();
  for (const View &each : indices) {
    FailureOr<std::pair<View, View>> both = broadcast(widest, each);
    if (failed(both))
      return failure();
    widest = both->first;
  }
  places = widest.map.shape();
  int64_t inner = std::accumulate(shape.begin() + first + indices.size(), shape.end(), int64_t(1), std::multiplies<>());
  std::vector<int64_t> offsets;
  for (size_t number = indices.size(); number-- > 0;) {
    int64_t size = shape[first + number];
    FailureOr<View> repeated = rearranged(indices[number], indices[number].map.expand(places));
    FailureOr<std::vector<float>> values =
        failed(repeated) ? FailureOr<std::vector<float>>(failure()) : emitter.read(*repeated);
    if (failed(values))
      return failure();
    offsets.resize(values->size());
    for (auto [offset, value] : llvm::zip_equal(offsets, *values)) {
      auto index = static_cast<int64_t>(value);
      if (index < -size || index >= size)
        return emitter.fail("expected numbers of {0} rows, found {1}", size, index);
      offset += (index < 0 ? index + size : index) * inner;
    }
    inner *= size;
  }
  IndexMap rowMajor = *IndexMap::rowMajor(shape), before, after;
  for (auto [dim, size] : llvm::enumerate(shape)) {
    int64_t stride = rowMajor.digits(dim).empty() ? 1 : rowMajor.digits(dim).back().stride;
    if (dim < first)
      before = before.product(IndexMap::counting(size, stride));
    else if (dim >= first + indices.size())
      after = after.product(IndexMap::counting(size, stride));
  }
  SmallVector<int64_t> result(shape.begin(), shape.begin() + first);
  result.append(places);
  result.append(shape.begin() + first + indices.size(), shape.end());
  std::optional<IndexMap> strided = findStrides(offsets, places);
  std::optional<IndexMap> map =
      strided && IndexMap::rowMajor(result) ? self.map.compose(before.product(*strided).product(after)) : std::nullopt;
  if (map || !isConstant(self))
    return rearranged(self, map);
  FailureOr<std::vector<float>> values = emitter.read(self);
  if (failed(values))
    return failure();
  int64_t count = before.elements() * static_cast<int64_t>(offsets.size());
  if (count > kMaxViewElements / after.elements())
    return emitter.fail("expected a smaller constant, found {0} rows of {1} columns", count, after.elements());
  std::vector<float> chosen;
  before.forEach([&](int64_t outer) {
    for (int64_t offset : offsets)
      after.forEach([&](int64_t last) { chosen.push_back((*values)[outer + offset + last]); });
  });
  return computed(getSource<ConstantSource>(self)->name, result, std::move(chosen));
}

/// tensor[..., i, j], with indices for dimensions that follow each other.
FailureOr<Converter::Results> Converter::index() {
  FailureOr<View> self = view("self");
  const Argument *given = node->find("indices");
  const auto *list = given ? given->as<Argument::List>() : nullptr;
  if (failed(self) || !list)
    return emitter.fail("expected a tensor and indices, found others");
  size_t first = 0;
  SmallVector<View> indices;
  bool isOver = false;
  for (const Argument &item : *list) {
    if (item.isNone()) {
      isOver = !indices.empty();
      first += !isOver;
      continue;
    }
    FailureOr<View> numbers = viewOf(item);
    if (failed(numbers))
      return failure();
    if (isOver || !isConstant(*numbers) || graph[*item.as<ValueId>()].type == ScalarType::truth)
      return emitter.fail("expected constant integers as indices of dimensions that follow each other, found others");
    indices.push_back(*numbers);
  }
  return results(indexed(*self, first, indices));
}

FailureOr<Converter::Results> Converter::indexSelect() {
  FailureOr<View> self = view("self"), numbers = view("index");
  if (failed(self) || failed(numbers))
    return failure();
  FailureOr<int64_t> dim = dimension("dim", self->map.rank());
  return failed(dim) ? FailureOr<Results>(failure()) : results(indexed(*self, *dim, *numbers));
}

/// Rows of a constant matrix, whose numbers are constant too.
FailureOr<Converter::Results> Converter::embedding() {
  FailureOr<View> weight = view("weight"), indices = view("indices");
  if (failed(weight) || failed(indices))
    return failure();
  if (!isConstant(*weight) || !isConstant(*indices) || weight->map.rank() != 2)
    return emitter.fail("expected a constant matrix and constant numbers of its rows, found others");
  return results(indexed(*weight, 0, *indices));
}

FailureOr<Converter::Results> Converter::flip() {
  FailureOr<View> self = view("self");
  FailureOr<SmallVector<int64_t>> dims = integers("dims");
  if (failed(self) || failed(dims))
    return failure();
  View result = *self;
  for (int64_t dim : *dims) {
    FailureOr<int64_t> wrapped = wrap(dim, self->map.rank());
    if (failed(wrapped))
      return failure();
    std::vector<float> numbers;
    for (int64_t number = self->map.size(*wrapped); number-- > 0;)
      numbers.push_back(static_cast<float>(number));
    auto count = static_cast<int64_t>(numbers.size());
    FailureOr<View> flipped = indexed(result, *wrapped, Emitter::makeConstant("", {count}, std::move(numbers)));
    if (failed(flipped))
      return failure();
    result = *flipped;
  }
  return Results{result};
}

/// Strides are those of the memory, of which nothing is known after other operators.
FailureOr<Converter::Results> Converter::asStrided() {
  FailureOr<View> self = view("self");
  FailureOr<SmallVector<int64_t>> size = integers("size"), stride = integers("stride");
  FailureOr<int64_t> offset = integer("storage_offset", 0);
  if (failed(self) || failed(size) || failed(stride) || failed(offset))
    return failure();
  if (!getSource<ImageSource>(*self) || !self->map.isRowMajor() || size->size() != stride->size() ||
      !IndexMap::rowMajor(*size))
    return emitter.fail("expected strides of the image, in row-major order, found others");
  IndexMap map = IndexMap().from(*offset);
  int64_t last = *offset;
  for (auto [count, step] : llvm::zip_equal(*size, *stride)) {
    if (*offset < 0 || step < 0 || step > IndexMap::kMaxElements)
      return emitter.fail("expected strides that are not negative, found {0}", step);
    map = map.product(IndexMap::counting(count, step));
    last += (count - 1) * step;
    if (last >= self->map.elements())
      return emitter.fail("expected strides within {0} elements, found element {1}", self->map.elements(), last);
  }
  return arranged(*self, self->map.compose(map));
}

} // namespace vitya
