// Execution of a model on all calibration images at once, layer after layer, while the layers ahead are still being
// rewritten.
#ifndef VITYA_PASSES_COMPRESS_REPLAY_H
#define VITYA_PASSES_COMPRESS_REPLAY_H

#include "dialect/reference/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/compress/Calibration.h"
#include "llvm/ADT/DenseMap.h"

namespace vitya {

/// A function of one image and the values that its next ops read, for every image. What lies behind is freed; ops ahead
/// may be replaced between two calls, ops behind must stay.
class Replay {
public:
  /// Before the first op of `function`, whose only argument is an image.
  Replay(mlir::func::FuncOp function, const Calibration &images);

  /// Executes all ops before `op`, which is ahead. An op that the reference interpreter refuses is an error at that op.
  mlir::LogicalResult advanceTo(mlir::Operation *op);

  /// The values of `value`, one an image: an operand of the op that was advanced to, or of one behind it.
  llvm::ArrayRef<reference::Tensor> valuesOf(mlir::Value value) const { return values.find(value)->second; }

private:
  mlir::func::FuncOp function;
  int threads;
  int64_t count;
  mlir::Operation *last = nullptr; ///< executed
  llvm::DenseMap<mlir::Value, std::vector<reference::Tensor>> values;
};

} // namespace vitya

#endif // VITYA_PASSES_COMPRESS_REPLAY_H
