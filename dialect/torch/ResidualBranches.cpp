#include "dialect/torch/ResidualBranches.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace vitya::autograd {

/// Whether `value` is computed from `origin`, which is not a constant.
static bool comesFrom(Value value, Value origin) {
  SetVector<Operation *> slice;
  BackwardSliceOptions options;
  options.inclusive = true;
  (void)getBackwardSlice(value, &slice, options);
  Operation *source = origin.getDefiningOp();
  return source && !isa<arith::ConstantOp>(source) && slice.contains(source);
}

llvm::MapVector<Operation *, Branch> residualBranches(Block &body) {
  llvm::MapVector<Operation *, Branch> branches;
  for (auto add : body.getOps<arith::AddFOp>()) {
    if (add.getLhs() == add.getRhs())
      continue;
    if (comesFrom(add.getRhs(), add.getLhs()))
      branches[add] = {static_cast<int64_t>(branches.size()), true};
    else if (comesFrom(add.getLhs(), add.getRhs()))
      branches[add] = {static_cast<int64_t>(branches.size()), false};
  }
  return branches;
}

} // namespace vitya::autograd
