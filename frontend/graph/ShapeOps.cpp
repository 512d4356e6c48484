// Operators that rearrange elements.
#include "frontend/graph/Converter.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace vitya {

FailureOr<Converter::Results> Converter::same() {
  FailureOr<View> self = view(node->arguments.empty() ? StringRef("self") : StringRef(node->arguments.front().name));
  if (failed(self))
    return failure();
  return Results{*self};
}

/// A copy of memory that is written part by part is not changed with the original. Of a tensor that is changed as a
/// whole, no other view may be used, so copies need no source of their own.
FailureOr<Converter::Results> Converter::clone() {
  FailureOr<Results> result = same();
  if (succeeded(result) && getSource<BufferSource>(result->front()))
    result->front().source = std::make_shared<Source>(*result->front().source);
  return result;
}

FailureOr<Converter::Results> Converter::dropout() {
  if (flag("train", true))
    return emitter.fail(
        "expected a model in evaluation mode, found one in training mode: call eval() before the export");
  return same();
}

/// Floating-point values of every type are computed in f32.
FailureOr<Converter::Results> Converter::convertType() {
  FailureOr<View> self = view("self");
  std::optional<double> type = number("dtype");
  if (node->op == "type_as")
    type = double(graph[node->results.front()].type);
  if (failed(self) || !type || isFloating(ScalarType(*type)))
    return failed(self) ? FailureOr<Results>(failure()) : Results{*self};
  if (!isConstant(*self))
    return emitter.fail("expected a conversion to a floating-point type, found another");
  return results(foldFunction(*self, [](double x) { return x; }));
}

/// The shape with the size that -1 stands for.
FailureOr<Converter::Results> Converter::reshape() {
  FailureOr<View> self = view("self");
  FailureOr<SmallVector<int64_t>> shape = integers(node->find("size") ? "size" : "shape");
  if (failed(self) || failed(shape))
    return failure();
  return cutDim(*self, -1, *shape);
}

/// Replaces dimension `dim`, or all dimensions if it is negative, by dimensions of these sizes, of which one may be -1.
FailureOr<Converter::Results> Converter::cutDim(const View &view, int64_t dim, ArrayRef<int64_t> sizes) {
  int64_t elements = dim < 0 ? view.map.elements() : view.map.size(dim), known = 1;
  for (int64_t size : sizes)
    if (size != -1 && (size <= 0 || known > IndexMap::kMaxElements / size))
      return emitter.fail("expected positive sizes, found {0}", size);
    else if (size != -1)
      known *= size;
  SmallVector<int64_t> shape;
  for (int64_t size : sizes)
    shape.push_back(size == -1 ? elements / known : size);
  if (dim >= 0) {
    SmallVector<int64_t> all = view.map.shape();
    all.erase(all.begin() + dim);
    all.insert(all.begin() + dim, shape.begin(), shape.end());
    shape = all;
  }
  return arranged(view, view.map.reshape(shape));
}

FailureOr<Converter::Results> Converter::flatten() {
  FailureOr<View> self = view("self");
  if (failed(self))
    return failure();
  FailureOr<int64_t> first = dimension("start_dim", self->map.rank(), 0),
                     last = dimension("end_dim", self->map.rank(), -1);
  if (failed(first) || failed(last))
    return failure();
  SmallVector<int64_t> shape;
  for (auto [dim, size] : llvm::enumerate(self->map.shape()))
    if (int64_t(dim) > *first && int64_t(dim) <= *last)
      shape.back() *= size;
    else
      shape.push_back(size);
  return arranged(*self, self->map.reshape(shape));
}

FailureOr<Converter::Results> Converter::unflatten() {
  FailureOr<View> self = view("self");
  FailureOr<SmallVector<int64_t>> sizes = integers("sizes");
  if (failed(self) || failed(sizes))
    return failure();
  FailureOr<int64_t> dim = dimension("dim", self->map.rank());
  return failed(dim) ? FailureOr<Results>(failure()) : cutDim(*self, *dim, *sizes);
}

FailureOr<Converter::Results> Converter::permute() {
  FailureOr<View> self = view("self");
  FailureOr<SmallVector<int64_t>> dims = integers("dims");
  if (failed(self) || failed(dims))
    return failure();
  for (int64_t &dim : *dims)
    dim += dim < 0 ? int64_t(self->map.rank()) : 0;
  return arranged(*self, self->map.permute(*dims));
}

/// `t` swaps the dimensions of a matrix.
FailureOr<Converter::Results> Converter::transpose() {
  FailureOr<View> self = view("self");
  if (failed(self))
    return failure();
  size_t rank = self->map.rank();
  std::optional<int64_t> first, second;
  if (node->op == "t" && rank == 2)
    first = 0, second = 1;
  FailureOr<int64_t> a = first ? FailureOr<int64_t>(*first) : dimension("dim0", rank);
  FailureOr<int64_t> b = second ? FailureOr<int64_t>(*second) : dimension("dim1", rank);
  if (failed(a) || failed(b))
    return failure();
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::swap(order[*a], order[*b]);
  return arranged(*self, self->map.permute(order));
}

FailureOr<Converter::Results> Converter::squeeze() {
  FailureOr<View> self = view("self");
  if (failed(self))
    return failure();
  FailureOr<SmallVector<int64_t>> dims = integers("dim", llvm::to_vector(llvm::seq<int64_t>(0, self->map.rank())));
  if (failed(dims))
    return failure();
  SmallVector<int64_t> shape = self->map.shape();
  for (int64_t &dim : *dims) {
    FailureOr<int64_t> wrapped = wrap(dim, shape.size());
    if (failed(wrapped))
      return failure();
    dim = *wrapped;
  }
  SmallVector<int64_t> left;
  for (auto [dim, size] : llvm::enumerate(shape))
    if (size != 1 || !llvm::is_contained(*dims, int64_t(dim)))
      left.push_back(size);
  return arranged(*self, self->map.reshape(left));
}

FailureOr<Converter::Results> Converter::unsqueeze() {
  FailureOr<View> self = view("self");
  if (failed(self))
    return failure();
  FailureOr<int64_t> dim = dimension("dim", self->map.rank() + 1);
  if (failed(dim))
    return failure();
  SmallVector<int64_t> shape = self->map.shape();
  shape.insert(shape.begin() + *dim, 1);
  return arranged(*self, self->map.reshape(shape));
}

FailureOr<Converter::Results> Converter::expand() {
  FailureOr<View> self = view("self");
  if (node->op == "expand_as") {
    FailureOr<View> other = view("other");
    return failed(self) || failed(other) ? FailureOr<Results>(failure())
                                         : arranged(*self, self->map.expand(other->map.shape()));
  }
  FailureOr<SmallVector<int64_t>> sizes = integers("size");
  if (failed(self) || failed(sizes))
    return failure();
  int64_t added = int64_t(sizes->size()) - int64_t(self->map.rank());
  for (auto [dim, size] : llvm::enumerate(*sizes))
    if (size == -1 && int64_t(dim) >= added)
      size = self->map.size(dim - added);
  return arranged(*self, self->map.expand(*sizes));
}

/// Dimension `dim` of `map` repeated as a whole, or, if `eachIndex`, each of its indices.
static std::optional<IndexMap> repeated(const IndexMap &map, size_t dim, int64_t count, bool eachIndex) {
  SmallVector<int64_t> apart = map.shape(), expanded = apart, merged = apart;
  apart.insert(apart.begin() + dim + eachIndex, 1);
  expanded.insert(expanded.begin() + dim + eachIndex, count);
  if (count <= 0 || count > IndexMap::kMaxElements / merged[dim])
    return std::nullopt;
  merged[dim] *= count;
  std::optional<IndexMap> result = map.reshape(apart);
  result = result ? result->expand(expanded) : std::nullopt;
  return result ? result->reshape(merged) : std::nullopt;
}

FailureOr<Converter::Results> Converter::repeat() {
  bool isTile = node->op == "tile";
  FailureOr<View> self = view("self");
  FailureOr<SmallVector<int64_t>> repeats = integers(isTile ? "dims" : "repeats");
  if (failed(self) || failed(repeats))
    return failure();
  int64_t rank = self->map.rank(), added = int64_t(repeats->size()) - rank;
  if (added < 0 && !isTile)
    return emitter.fail("expected a number of repetitions for each dimension, found {0}", repeats->size());
  repeats->insert(repeats->begin(), std::max<int64_t>(-added, 0), 1);
  SmallVector<int64_t> shape(std::max<int64_t>(added, 0), 1);
  llvm::append_range(shape, self->map.shape());
  std::optional<IndexMap> map = self->map.reshape(shape);
  for (auto [dim, count] : llvm::enumerate(*repeats))
    map = map ? repeated(*map, dim, count, /*eachIndex=*/false) : std::nullopt;
  return arranged(*self, map);
}

FailureOr<Converter::Results> Converter::repeatInterleave() {
  FailureOr<View> self = view("self");
  FailureOr<int64_t> count = integer("repeats");
  FailureOr<int64_t> dim =
      failed(self) || failed(count) ? FailureOr<int64_t>(failure()) : dimension("dim", self->map.rank());
  if (failed(dim))
    return failure();
  return arranged(*self, repeated(self->map, *dim, *count, /*eachIndex=*/true));
}

FailureOr<Converter::Results> Converter::select() {
  FailureOr<View> self = view("self");
  if (failed(self))
    return failure();
  FailureOr<int64_t> dim = dimension("dim", self->map.rank(), 0), index = integer("index");
  if (failed(dim) || failed(index))
    return failure();
  int64_t first = *index < 0 ? *index + self->map.size(*dim) : *index;
  std::optional<IndexMap> map = self->map.slice(*dim, first, 1);
  SmallVector<int64_t> shape = self->map.shape();
  shape.erase(shape.begin() + *dim);
  return arranged(*self, map ? map->reshape(shape) : std::nullopt);
}

FailureOr<Converter::Results> Converter::slice() {
  FailureOr<View> self = view("self");
  if (failed(self))
    return failure();
  FailureOr<int64_t> dim = dimension("dim", self->map.rank(), 0), step = integer("step", 1);
  if (failed(dim))
    return failure();
  int64_t size = self->map.size(*dim);
  FailureOr<int64_t> first = integer("start", 0), last = integer("end", size);
  if (failed(first) || failed(last) || failed(step) || *step <= 0 || *step > IndexMap::kMaxElements)
    return emitter.fail("expected a slice with a positive step, found another");
  auto clamp = [&](int64_t index) { return std::clamp<int64_t>(index < 0 ? index + size : index, 0, size); };
  int64_t begin = clamp(*first), end = clamp(*last);
  return arranged(*self, self->map.slice(*dim, begin, (end - begin + *step - 1) / *step, *step));
}

FailureOr<Converter::Results> Converter::narrow() {
  FailureOr<View> self = view("self");
  if (failed(self))
    return failure();
  FailureOr<int64_t> dim = dimension("dim", self->map.rank()), first = integer("start"), count = integer("length");
  if (failed(dim) || failed(first) || failed(count))
    return failure();
  int64_t begin = *first < 0 ? *first + self->map.size(*dim) : *first;
  return arranged(*self, self->map.slice(*dim, begin, *count));
}

FailureOr<Converter::Results> Converter::unbind() {
  FailureOr<View> self = view("self");
  if (failed(self))
    return failure();
  FailureOr<int64_t> dim = dimension("dim", self->map.rank(), 0);
  if (failed(dim))
    return failure();
  SmallVector<int64_t> shape = self->map.shape();
  shape.erase(shape.begin() + *dim);
  Results results;
  // bind() reports a wrong number of names.
  for (int64_t index = 0; index < self->map.size(*dim) && results.size() <= node->results.size(); ++index) {
    std::optional<IndexMap> map = self->map.slice(*dim, index, 1);
    FailureOr<View> part = rearranged(*self, map ? map->reshape(shape) : std::nullopt);
    if (failed(part))
      return failure();
    results.push_back(*part);
  }
  return results;
}

FailureOr<Converter::Results> Converter::chunk() {
  FailureOr<View> self = view("self");
  FailureOr<int64_t> chunks = integer("chunks");
  if (failed(self) || failed(chunks) || *chunks <= 0 || *chunks > IndexMap::kMaxElements)
    return emitter.fail("expected a positive number of chunks, found another");
  FailureOr<int64_t> dim = dimension("dim", self->map.rank(), 0);
  if (failed(dim))
    return failure();
  int64_t size = self->map.size(*dim), each = (size + *chunks - 1) / *chunks;
  Results results;
  for (int64_t first = 0; first < size && results.size() <= node->results.size(); first += each) {
    FailureOr<View> part = rearranged(*self, self->map.slice(*dim, first, std::min(each, size - first)));
    if (failed(part))
      return failure();
    results.push_back(*part);
  }
  return results;
}

/// Splits into parts of one size, or of a list of sizes.
FailureOr<Converter::Results> Converter::split() {
  FailureOr<View> self = view("self");
  FailureOr<SmallVector<int64_t>> sizes = integers(node->find("split_sizes") ? "split_sizes" : "split_size");
  if (failed(self) || failed(sizes) || sizes->empty())
    return emitter.fail("expected sizes of parts, found none");
  FailureOr<int64_t> dim = dimension("dim", self->map.rank(), 0);
  if (failed(dim))
    return failure();
  int64_t size = self->map.size(*dim), first = 0;
  Results results;
  for (size_t part = 0; first < size && results.size() <= node->results.size(); ++part) {
    int64_t count = part < sizes->size() ? (*sizes)[part] : sizes->back();
    FailureOr<View> each = rearranged(*self, self->map.slice(*dim, first, std::min(count, size - first)));
    if (failed(each))
      return failure();
    results.push_back(*each);
    first += count;
  }
  return results;
}

/// Only padding of nothing, which nn.Unfold becomes.
/// Padding with a number, of constants. The sizes are those before and after the last dimension, then the one before.
FailureOr<Converter::Results> Converter::pad() {
  FailureOr<SmallVector<int64_t>> sizes = integers("pad");
  FailureOr<View> self = view("self");
  if (failed(sizes) || failed(self))
    return failure();
  if (llvm::all_of(*sizes, [](int64_t size) { return size == 0; }))
    return same();
  size_t rank = self->map.rank();
  bool isFilled = isConstant(*self) && (!node->find("mode") || node->find("mode")->isNone());
  if (!isFilled || sizes->size() % 2 != 0 || sizes->size() > 2 * rank ||
      llvm::any_of(*sizes, [](int64_t size) { return size < 0; }))
    return emitter.fail("expected no padding except that of convolutions and pooling, and of constants with a number, "
                        "found another");
  SmallVector<int64_t> shape = self->map.shape();
  for (size_t i = 0; i < sizes->size(); i += 2)
    shape[rank - 1 - i / 2] += (*sizes)[i] + (*sizes)[i + 1];
  std::optional<IndexMap> whole = IndexMap::rowMajor(shape), place = whole;
  for (size_t i = 0; i < sizes->size() && place; i += 2)
    place = place->slice(rank - 1 - i / 2, (*sizes)[i], self->map.size(rank - 1 - i / 2));
  FailureOr<IndexMap> inner = emitter.arranged(place);
  if (failed(inner))
    return failure();
  BufferSource result{shape, number("value").value_or(0), {*self}, {*inner}};
  return Results{View{std::make_shared<Source>(std::move(result)), *whole}};
}

/// Tensor.unfold: windows of a dimension, which become the last dimension.
FailureOr<Converter::Results> Converter::unfold() {
  FailureOr<View> self = view("self");
  if (failed(self))
    return failure();
  FailureOr<int64_t> dim = dimension("dimension", self->map.rank()), size = integer("size"), step = integer("step");
  if (failed(dim) || failed(size) || failed(step))
    return failure();
  int64_t whole = self->map.size(*dim);
  if (*size != *step || *size <= 0 || whole % *size != 0)
    return emitter.fail("expected windows side by side that cover a dimension, found size {0} and step {1} in {2}",
                        *size, *step, whole);
  SmallVector<int64_t> shape = self->map.shape();
  shape[*dim] = whole / *size;
  shape.insert(shape.begin() + *dim + 1, *size);
  std::optional<IndexMap> map = self->map.reshape(shape);
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, shape.size()));
  std::rotate(order.begin() + *dim + 1, order.begin() + *dim + 2, order.end());
  return arranged(*self, map ? map->permute(order) : std::nullopt);
}

} // namespace vitya
