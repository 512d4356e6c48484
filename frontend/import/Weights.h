// The tensors of a checkpoint as constants in the IR.
#ifndef VITYA_FRONTEND_IMPORT_WEIGHTS_H
#define VITYA_FRONTEND_IMPORT_WEIGHTS_H

#include "dialect/VityaOps.h"
#include "frontend/checkpoint/Checkpoint.h"
#include "frontend/layout/Layout.h"
#include "llvm/ADT/StringMap.h"

namespace vitya {

/// Gives access to tensors by name. All names come from a match, so the checkpoint has the tensors.
class Weights {
public:
  /// `checkpoint` outlives the result.
  explicit Weights(const Checkpoint &checkpoint);

  /// Type and shape of a tensor.
  const Tensor &tensor(const TensorName &name) const { return tensors.at(name.name)->tensor; }

  /// Fails unless `isExpected`; the error names the tensor, the `expected` shape and the tensor's own.
  llvm::Error checkShape(const TensorName &name, bool isExpected, const llvm::Twine &expected) const;
  llvm::Error checkShape(const TensorName &name, llvm::ArrayRef<int64_t> expected) const;

  /// Reads all elements of a floating-point tensor in row-major order.
  llvm::Expected<std::vector<float>> read(const TensorName &name) const;

  /// Creates an f32 constant of `shape`, which has as many elements as the tensor. If `rowScale` is not empty, row i is
  /// multiplied by rowScale[i].
  llvm::Expected<mlir::Value> constant(mlir::OpBuilder &builder, const TensorName &name, llvm::ArrayRef<int64_t> shape,
                                       llvm::ArrayRef<float> rowScale = {});

  /// Creates an i32 constant of `shape` from a tensor of type i32 with as many elements.
  llvm::Expected<mlir::Value> integerConstant(mlir::OpBuilder &builder, const TensorName &name,
                                              llvm::ArrayRef<int64_t> shape) const;

  /// Creates a constant of `shape` from a quantized tensor: its integers, cast to a quantized type with one scale or
  /// one for each row. Fails for other axes, for zero points other than 0, for scales that are no normal f32 values,
  /// and for ranges of integers that weights do not have.
  llvm::Expected<mlir::Value> quantizedConstant(mlir::OpBuilder &builder, const TensorName &name,
                                                llvm::ArrayRef<int64_t> shape) const;

  /// Records that checkpoints store `constant`, which has a resource, as tensor `name` of `shape`, with the dimensions
  /// of the constant in `order`; see StoredTensorAttr.
  void recordStored(mlir::Value constant, const TensorName &name, llvm::ArrayRef<int64_t> shape,
                    llvm::ArrayRef<int64_t> order = {});
  /// Records a tensor of equal elements `value`, which is stored beside `constant`.
  void recordFilled(mlir::Value constant, const TensorName &name, llvm::ArrayRef<int64_t> shape, float value);
  /// Records that the importer computes `constant`, so that checkpoints do not store it.
  void recordComputed(mlir::Value constant);

  /// The array `vitya.stored_tensors` of what has been recorded.
  llvm::ArrayRef<mlir::Attribute> storedTensors() const { return stored; }

private:
  const Checkpoint &checkpoint;
  llvm::SmallVector<mlir::Attribute> stored;
  llvm::StringMap<const NamedTensor *> tensors;
};

/// Returns the location of what is built from the layer or tensor `name`.
mlir::Location nameLocation(mlir::OpBuilder &builder, llvm::StringRef name);

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_WEIGHTS_H
