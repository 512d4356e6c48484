// How much a model's predictions change when some of its linear layers compute something else.
#ifndef VITYA_PASSES_LOWRANK_SENSITIVITY_H
#define VITYA_PASSES_LOWRANK_SENSITIVITY_H

#include "passes/analysis/LinearLayers.h"
#include "passes/analysis/Replay.h"

namespace vitya {

/// Another map in the place of a layer's.
struct Change {
  LinearOp layer;
  numerics::LinearMap map;
};

/// A model on calibration images, from its first op to its last: changes are tried where it has come to.
class Sensitivity {
public:
  /// Before the first op of `function`, with the first `count` of `images`.
  Sensitivity(mlir::func::FuncOp function, const ImageSet &images, int64_t count);

  /// The inputs of `layer`, which is ahead, one an image.
  mlir::FailureOr<llvm::ArrayRef<reference::Tensor>> advanceTo(LinearOp layer);

  /// The mean over the images of KL(softmax(y) || softmax(y')) for the outputs y of the function and y' with `changes`,
  /// whose layers stand in program order, the first where the model has come to.
  mlir::FailureOr<double> divergence(llvm::ArrayRef<Change> changes);

private:
  mlir::FailureOr<std::vector<reference::Tensor>> outputsOf(Replay run);

  mlir::func::FuncOp function;
  Replay model;
  std::vector<reference::Tensor> outputs;
};

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_SENSITIVITY_H
