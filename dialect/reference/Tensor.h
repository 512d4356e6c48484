// The tensors that the reference interpreter computes with.
#ifndef VITYA_DIALECT_REFERENCE_TENSOR_H
#define VITYA_DIALECT_REFERENCE_TENSOR_H

#include "dialect/arithmetic/MatrixProduct.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <Eigen/Core>
#include <memory>

namespace vitya::reference {

/// [rows, columns] of f32 in row-major order.
using Matrix = numerics::RowMajorOf<float>;

/// A dense tensor in row-major order. Copies share the elements, which may be written only before the first copy.
class Tensor {
public:
  Tensor() = default;

  /// A tensor of zeros. `elementType` is an integer or a float; each element has whole bytes.
  Tensor(llvm::ArrayRef<int64_t> shape, mlir::Type elementType);

  /// A view of `bytes`, which must outlive the tensor, be aligned for the element type, and have the size of the
  /// tensor.
  static Tensor view(llvm::ArrayRef<int64_t> shape, mlir::Type elementType, llvm::ArrayRef<char> bytes);

  /// The same elements in another shape that has as many.
  Tensor reshaped(llvm::ArrayRef<int64_t> shape) const;

  llvm::ArrayRef<int64_t> shape() const { return sizes; }
  int64_t dim(unsigned index) const { return sizes[index]; }
  int64_t rank() const { return sizes.size(); }
  /// Number of elements.
  int64_t size() const;
  mlir::Type elementType() const { return type; }
  /// Size of an element in bytes.
  int64_t elementBytes() const;
  llvm::ArrayRef<char> bytes() const { return {data.get(), static_cast<size_t>(size() * elementBytes())}; }
  /// The bytes of a tensor that has no copies, to be written.
  llvm::MutableArrayRef<char> mutableBytes() {
    assert(data.use_count() == 1 && "expected a tensor without copies");
    return {data.get(), static_cast<size_t>(size() * elementBytes())};
  }

  /// The elements; `T` has the size of the element type.
  template <typename T = float>
  llvm::ArrayRef<T> values() const {
    assert(sizeof(T) == elementBytes() && "expected the element type of the tensor");
    return {reinterpret_cast<const T *>(data.get()), static_cast<size_t>(size())};
  }
  /// The elements of a tensor that has no copies, to be written.
  template <typename T = float>
  llvm::MutableArrayRef<T> mutableValues() {
    assert(sizeof(T) == elementBytes() && "expected the element type of the tensor");
    return {reinterpret_cast<T *>(mutableBytes().data()), static_cast<size_t>(size())};
  }

  /// A view of an f32 tensor of rank 2 for Eigen.
  Eigen::Map<const Matrix> matrix() const { return {values().data(), dim(0), dim(1)}; }
  Eigen::Map<Matrix> mutableMatrix() { return {mutableValues().data(), dim(0), dim(1)}; }
  /// A view of an f32 tensor of rank 1 for Eigen.
  Eigen::Map<const Eigen::VectorXf> vector() const { return {values().data(), dim(0)}; }

private:
  llvm::SmallVector<int64_t, 4> sizes;
  mlir::Type type;
  std::shared_ptr<char> data;
};

} // namespace vitya::reference

#endif // VITYA_DIALECT_REFERENCE_TENSOR_H
