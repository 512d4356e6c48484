// Storage of tensors: reference-counted bytes, or a view of bytes that others own.
#include "dialect/reference/Tensor.h"
#include "dialect/Constants.h"
#include <numeric>

namespace vitya::reference {

Tensor::Tensor(llvm::ArrayRef<int64_t> shape, mlir::Type elementType) : sizes(shape), type(elementType) {
  data = std::shared_ptr<char>(new char[size() * elementBytes()](), std::default_delete<char[]>());
}

Tensor Tensor::view(llvm::ArrayRef<int64_t> shape, mlir::Type elementType, llvm::ArrayRef<char> bytes) {
  Tensor result;
  result.sizes.assign(shape.begin(), shape.end());
  result.type = elementType;
  // The bytes are never written, because only a new tensor is. The deleter does nothing, because a view owns nothing.
  result.data = std::shared_ptr<char>(const_cast<char *>(bytes.data()), [](char *) {});
  assert(result.bytes().size() == bytes.size() && "expected as many bytes as the shape needs");
  return result;
}

Tensor Tensor::reshaped(llvm::ArrayRef<int64_t> shape) const {
  Tensor result = *this;
  result.sizes.assign(shape.begin(), shape.end());
  assert(result.size() == size() && "expected a shape with as many elements");
  return result;
}

int64_t Tensor::size() const {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t(1), std::multiplies<int64_t>());
}

int64_t Tensor::elementBytes() const { return bytesOf(type); }

} // namespace vitya::reference
