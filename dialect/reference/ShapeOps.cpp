// Ops that move elements of any type: bytes are copied.
#include "dialect/reference/Ops.h"
#include <cstring>
#include <functional>

namespace vitya::reference {
namespace {

/// Calls `visit` for each run of elements of `slice` that are contiguous in a tensor of `shape`, in row-major order,
/// with the linear index of its first element and its length.
void forEachRun(llvm::ArrayRef<int64_t> shape, const Slice &slice, llvm::function_ref<void(int64_t, int64_t)> visit) {
  bool isContiguous = !shape.empty() && slice.strides.back() == 1;
  size_t depth = shape.size() - isContiguous;
  int64_t run = isContiguous ? slice.sizes.back() : 1;
  std::function<void(size_t, int64_t)> nest = [&](size_t dim, int64_t index) {
    if (dim == depth)
      return visit(isContiguous ? index * shape.back() + slice.offsets.back() : index, run);
    for (int64_t i = 0; i < slice.sizes[dim]; ++i)
      nest(dim + 1, index * shape[dim] + slice.offsets[dim] + i * slice.strides[dim]);
  };
  nest(0, 0);
}

} // namespace

Tensor extractSlice(const Tensor &source, const Slice &slice) {
  Tensor result(slice.sizes, source.elementType());
  const char *from = source.bytes().data();
  char *to = result.mutableBytes().data();
  int64_t bytes = source.elementBytes();
  forEachRun(source.shape(), slice, [&](int64_t index, int64_t run) {
    std::memcpy(to, from + index * bytes, run * bytes);
    to += run * bytes;
  });
  return result;
}

Tensor insertSlice(const Tensor &source, const Tensor &destination, const Slice &slice) {
  Tensor result(destination.shape(), destination.elementType());
  char *to = result.mutableBytes().data();
  llvm::copy(destination.bytes(), to);
  const char *from = source.bytes().data();
  int64_t bytes = source.elementBytes();
  forEachRun(destination.shape(), slice, [&](int64_t index, int64_t run) {
    std::memcpy(to + index * bytes, from, run * bytes);
    from += run * bytes;
  });
  return result;
}

Tensor concat(llvm::ArrayRef<Tensor> parts, int64_t dim) {
  llvm::SmallVector<int64_t, 4> shape(parts.front().shape());
  shape[dim] = 0;
  for (const Tensor &part : parts)
    shape[dim] += part.dim(dim);
  Tensor result(shape, parts.front().elementType());
  // The elements of all dimensions from `dim` on are contiguous.
  auto runBytes = [&](const Tensor &tensor) -> int64_t {
    int64_t bytes = tensor.elementBytes();
    for (int64_t size : tensor.shape().drop_front(dim))
      bytes *= size;
    return bytes;
  };
  int64_t column = 0;
  for (const Tensor &part : parts) {
    char *to = result.mutableBytes().data() + column;
    for (llvm::ArrayRef<char> rest = part.bytes(); !rest.empty(); rest = rest.drop_front(runBytes(part))) {
      llvm::copy(rest.take_front(runBytes(part)), to);
      to += runBytes(result);
    }
    column += runBytes(part);
  }
  return result;
}

} // namespace vitya::reference
