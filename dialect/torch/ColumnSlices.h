// Slices that divide the columns of a value among them, such as those of queries, keys and values.
#ifndef VITYA_DIALECT_TORCH_COLUMNSLICES_H
#define VITYA_DIALECT_TORCH_COLUMNSLICES_H

#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace vitya::autograd {

/// The slices of the source of `op` if they divide its columns among them, in order; else none.
llvm::SmallVector<mlir::Operation *, 1> columnSlices(mlir::tensor::ExtractSliceOp op);

} // namespace vitya::autograd

#endif // VITYA_DIALECT_TORCH_COLUMNSLICES_H
