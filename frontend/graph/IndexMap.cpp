// Every rearrangement except permuting and expanding is a composition with a map into the tensor in row-major order.
#include "frontend/graph/IndexMap.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace vitya {

/// Merges adjacent digits that count as one, so that equal maps have equal digits.
static void mergeDigits(SmallVectorImpl<Digit> &digits) {
  SmallVector<Digit, 2> merged;
  for (Digit digit : digits) {
    if (digit.size == 1)
      continue;
    if (!merged.empty() && merged.back().stride == digit.size * digit.stride)
      merged.back() = {merged.back().size * digit.size, digit.stride};
    else
      merged.push_back(digit);
  }
  digits.assign(merged.begin(), merged.end());
}

std::optional<IndexMap> IndexMap::rowMajor(ArrayRef<int64_t> shape) {
  IndexMap map;
  map.dims.resize(shape.size());
  int64_t stride = 1;
  for (size_t dim = shape.size(); dim-- > 0; stride *= shape[dim]) {
    if (shape[dim] <= 0 || shape[dim] > kMaxElements / stride)
      return std::nullopt;
    if (shape[dim] > 1)
      map.dims[dim] = {{shape[dim], stride}};
  }
  return map;
}

int64_t IndexMap::size(size_t dim) const {
  int64_t size = 1;
  for (Digit digit : dims[dim])
    size *= digit.size;
  return size;
}

int64_t IndexMap::elements() const {
  int64_t count = 1;
  for (size_t dim = 0; dim < rank(); ++dim)
    count *= size(dim);
  return count;
}

SmallVector<int64_t> IndexMap::shape() const {
  SmallVector<int64_t> sizes;
  for (size_t dim = 0; dim < rank(); ++dim)
    sizes.push_back(size(dim));
  return sizes;
}

std::optional<IndexMap> IndexMap::reshape(ArrayRef<int64_t> shape) const {
  std::optional<IndexMap> target = rowMajor(shape);
  return target && target->elements() == elements() ? compose(*target) : std::nullopt;
}

std::optional<IndexMap> IndexMap::slice(size_t dim, int64_t first, int64_t count, int64_t step) const {
  std::optional<IndexMap> part = rowMajor(shape());
  if (dim >= rank() || first < 0 || count <= 0 || step <= 0 || first >= size(dim) ||
      (count - 1) > (size(dim) - 1 - first) / step)
    return std::nullopt;
  int64_t stride = 1;
  for (size_t inner = dim + 1; inner < rank(); ++inner)
    stride *= size(inner);
  part->start = first * stride;
  part->dims[dim].clear();
  if (count > 1)
    part->dims[dim].push_back({count, step * stride});
  return compose(*part);
}

std::optional<IndexMap> IndexMap::permute(ArrayRef<int64_t> order) const {
  SmallVector<int64_t> sorted(order);
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, rank())))
    return std::nullopt;
  IndexMap result;
  result.start = start;
  for (int64_t dim : order)
    result.dims.push_back(dims[dim]);
  return result;
}

std::optional<IndexMap> IndexMap::expand(ArrayRef<int64_t> shape) const {
  if (shape.size() < rank() || !rowMajor(shape))
    return std::nullopt;
  IndexMap result;
  result.start = start;
  for (auto [dim, wanted] : llvm::enumerate(shape)) {
    size_t added = shape.size() - rank();
    int64_t own = dim < added ? 1 : size(dim - added);
    if (own != 1 && own != wanted)
      return std::nullopt;
    if (own == wanted)
      result.dims.push_back(dim < added ? Dim() : dims[dim - added]);
    else
      result.dims.push_back({{wanted, 0}});
  }
  return result;
}

std::optional<IndexMap> IndexMap::compose(const IndexMap &inner) const {
  /// A digit of this map. One step of it is `weight` elements in row-major order.
  struct Place {
    int64_t size, stride, weight;
    int64_t largest; ///< the largest value that the composition gives it
  };
  SmallVector<Place> places; // the fastest first
  int64_t weight = 1;
  for (const Dim &dim : llvm::reverse(dims))
    for (Digit digit : llvm::reverse(dim)) {
      places.push_back({digit.size, digit.stride, weight, 0});
      weight *= digit.size;
    }
  IndexMap result;
  result.start = start;
  int64_t rest = inner.start;
  for (Place &place : llvm::reverse(places)) {
    place.largest = rest / place.weight;
    rest %= place.weight;
    result.start += place.largest * place.stride;
  }
  if (rest != 0)
    return std::nullopt;
  for (const Dim &dim : inner.dims) {
    Dim digits; // the fastest first
    for (Digit digit : llvm::reverse(dim)) {
      auto [count, step] = digit;
      if (step == 0) {
        digits.push_back(digit);
        continue;
      }
      for (Place &place : places) {
        if (count == 1 || step >= place.weight * place.size)
          continue;
        if (step % place.weight != 0)
          return std::nullopt;
        int64_t factor = step / place.weight, taken = count;
        if (factor * (count - 1) >= place.size) {
          taken = place.size / factor;
          if (place.size % factor != 0 || count % taken != 0)
            return std::nullopt;
        }
        digits.push_back({taken, factor * place.stride});
        place.largest += factor * (taken - 1);
        count /= taken;
        step = place.weight * place.size;
      }
      if (count != 1)
        return std::nullopt;
    }
    std::reverse(digits.begin(), digits.end());
    mergeDigits(digits);
    result.dims.push_back(std::move(digits));
  }
  // Without a carry from any digit to the next, the sums of digits are those of indices.
  if (llvm::any_of(places, [](const Place &place) { return place.largest >= place.size; }))
    return std::nullopt;
  return result;
}

std::optional<IndexMap> IndexMap::inverse() const {
  struct Place {
    Digit digit;
    int64_t weight;
  };
  SmallVector<Place> places;
  int64_t weight = 1;
  for (const Dim &dim : llvm::reverse(dims))
    for (Digit digit : llvm::reverse(dim)) {
      places.push_back({digit, weight});
      weight *= digit.size;
    }
  llvm::sort(places, [](const Place &a, const Place &b) { return a.digit.stride > b.digit.stride; });
  IndexMap result;
  result.dims.resize(1);
  int64_t covered = 1;
  for (const Place &place : llvm::reverse(places)) {
    if (place.digit.stride != covered)
      return std::nullopt;
    covered *= place.digit.size;
  }
  if (start != 0)
    return std::nullopt;
  for (const Place &place : places)
    result.dims[0].push_back({place.digit.size, place.weight});
  mergeDigits(result.dims[0]);
  return result;
}

void IndexMap::forEach(function_ref<void(int64_t)> visit) const {
  SmallVector<Digit> digits;
  for (const Dim &dim : dims)
    llvm::append_range(digits, dim);
  SmallVector<int64_t> index(digits.size(), 0);
  int64_t position = start;
  for (int64_t left = elements(); left > 0; --left) {
    visit(position);
    for (size_t place = digits.size(); place-- > 0;) {
      position += digits[place].stride;
      if (++index[place] < digits[place].size)
        break;
      position -= digits[place].stride * digits[place].size;
      index[place] = 0;
    }
  }
}

} // namespace vitya
