// How the elements of a tensor are arranged in memory that another tensor owns.
#ifndef VITYA_FRONTEND_GRAPH_INDEXMAP_H
#define VITYA_FRONTEND_GRAPH_INDEXMAP_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <optional>

namespace vitya {

/// A part of an index: it counts to `size`, and each step moves by `stride` elements of memory.
struct Digit {
  int64_t size, stride;
  bool operator==(const Digit &other) const { return size == other.size && stride == other.stride; }
};

/// Maps each index of a tensor to an element of memory. Strides alone describe slices and permutations, but not a
/// dimension that reshaping merged from others, such as the columns of attention heads or the pixels of a patch.
/// Therefore, an index of a dimension is written as several digits, as a number in mixed radix, and each digit has its
/// own stride. Reshaping, slicing, permuting and expanding then need no copy, in any order.
class IndexMap {
  using Dim = llvm::SmallVector<Digit, 2>;

public:
  /// The largest number of elements of a tensor.
  static constexpr int64_t kMaxElements = int64_t(1) << 31;

  IndexMap() = default;

  /// Row-major order. Returns nothing if a size is not positive or if there are more than `kMaxElements`.
  static std::optional<IndexMap> rowMajor(llvm::ArrayRef<int64_t> shape);

  size_t rank() const { return dims.size(); }
  int64_t size(size_t dim) const;
  int64_t elements() const;
  llvm::SmallVector<int64_t> shape() const;
  int64_t offset() const { return start; }
  /// The digits of a dimension, the one that changes slowest first. There is none in a dimension of size 1.
  llvm::ArrayRef<Digit> digits(size_t dim) const { return dims[dim]; }

  // Each of these rearranges the tensor. They return nothing if the sizes do not fit, and where no digits describe the
  // result.
  std::optional<IndexMap> reshape(llvm::ArrayRef<int64_t> shape) const;
  std::optional<IndexMap> slice(size_t dim, int64_t first, int64_t count, int64_t step = 1) const;
  std::optional<IndexMap> permute(llvm::ArrayRef<int64_t> order) const;
  /// Repeats dimensions of size 1, and adds dimensions in front.
  std::optional<IndexMap> expand(llvm::ArrayRef<int64_t> shape) const;

  /// The map that applies `inner`, which leads to elements of this tensor in row-major order, and then this one.
  std::optional<IndexMap> compose(const IndexMap &inner) const;

  /// The same digits from another element on.
  IndexMap from(int64_t offset) const {
    IndexMap map = *this;
    map.start = offset;
    return map;
  }

  /// The dimensions of this map and then those of `other`; elements are the sums of those of both.
  IndexMap product(const IndexMap &other) const {
    IndexMap map = *this;
    map.start += other.start;
    map.dims.append(other.dims.begin(), other.dims.end());
    return map;
  }

  /// The map of one dimension that counts to `count` with this stride.
  static IndexMap counting(int64_t count, int64_t stride) {
    IndexMap map;
    map.dims.push_back(count == 1 ? Dim() : Dim{{count, stride}});
    return map;
  }

  /// Whether dimension `dim` counts with this stride.
  bool isCounting(size_t dim, int64_t stride) const {
    return dims[dim].empty() || (dims[dim].size() == 1 && dims[dim][0].stride == stride);
  }

  bool isRowMajor() const { return *this == *rowMajor(shape()); }

  /// The inverse, as a map of one dimension, of a map that reaches each of `elements` elements of memory once.
  std::optional<IndexMap> inverse() const;

  /// Calls `visit` with the element of memory for each index in row-major order.
  void forEach(llvm::function_ref<void(int64_t)> visit) const;

  bool operator==(const IndexMap &other) const { return start == other.start && dims == other.dims; }

private:
  int64_t start = 0;
  llvm::SmallVector<Dim, 4> dims;
};

} // namespace vitya

#endif // VITYA_FRONTEND_GRAPH_INDEXMAP_H
