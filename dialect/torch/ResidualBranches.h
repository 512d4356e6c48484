// The additions at the ends of residual branches.
#ifndef VITYA_DIALECT_TORCH_RESIDUALBRANCHES_H
#define VITYA_DIALECT_TORCH_RESIDUALBRANCHES_H

#include "mlir/IR/Block.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/MapVector.h"

namespace vitya::autograd {

/// The addition of the result of a residual branch to the branch's input.
struct Branch {
  int64_t index; ///< in the order of the model
  bool isSecond; ///< whether the branch is the second operand
};

/// The additions in `body` that end a residual branch.
llvm::MapVector<mlir::Operation *, Branch> residualBranches(mlir::Block &body);

} // namespace vitya::autograd

#endif // VITYA_DIALECT_TORCH_RESIDUALBRANCHES_H
