// Execution of a model on all calibration images at once, layer after layer, while the layers ahead are still being
// rewritten.
#ifndef VITYA_PASSES_ANALYSIS_REPLAY_H
#define VITYA_PASSES_ANALYSIS_REPLAY_H

#include "dialect/reference/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/analysis/ImageSet.h"
#include "llvm/ADT/DenseMap.h"

namespace vitya {

/// `matrix` in f32, [rows, columns].
reference::Tensor toTensor(const Eigen::MatrixXd &matrix, mlir::Type f32);
/// `vector` in f32, [size].
reference::Tensor toTensor(const Eigen::VectorXd &vector, mlir::Type f32);

/// A function of one image and the values that its next ops read, for every image. What lies behind is freed; ops ahead
/// may be replaced between two calls, ops behind must stay.
class Replay {
public:
  /// Before the first op of `function`, whose only argument is an image, with the first `count` of `images`. A copy
  /// goes its own way from where it was made.
  Replay(mlir::func::FuncOp function, const ImageSet &images, int64_t count);

  /// Executes all ops before `op`, which is ahead. An op that the reference interpreter refuses is an error at that op.
  mlir::LogicalResult advanceTo(mlir::Operation *op);

  /// The values of `value`, one an image: an operand of the op that was advanced to, or of one behind it.
  llvm::ArrayRef<reference::Tensor> valuesOf(mlir::Value value) const { return values.find(value)->second; }

  /// Takes `tensors`, one an image, for `value`, the result of an op ahead that is not executed then.
  void assume(mlir::Value value, std::vector<reference::Tensor> tensors) { values[value] = std::move(tensors); }

private:
  mlir::func::FuncOp function;
  int64_t count;
  mlir::Operation *last = nullptr; ///< executed
  llvm::DenseMap<mlir::Value, std::vector<reference::Tensor>> values;
};

} // namespace vitya

#endif // VITYA_PASSES_ANALYSIS_REPLAY_H
