// The change of a model's predictions when some of its linear layers are replaced.
#ifndef VITYA_PASSES_LOWRANK_SENSITIVITY_H
#define VITYA_PASSES_LOWRANK_SENSITIVITY_H

#include "passes/analysis/LinearLayers.h"
#include "passes/analysis/Replay.h"

namespace vitya {

/// A linear layer and the map that replaces it.
struct LayerReplacement {
  LinearOp layer;
  numerics::LinearMap map;
};

/// A model on calibration images. It is executed from its first op to its last, so that a replacement of a layer
/// executes only the ops after it.
class Sensitivity {
public:
  /// Starts before the first op of `function`, with the first `count` of `images`.
  Sensitivity(mlir::func::FuncOp function, const ImageSet &images, int64_t count);

  /// Executes the model up to `layer`, which must not have been executed yet, and returns its inputs, one per image.
  mlir::FailureOr<llvm::ArrayRef<reference::Tensor>> advanceTo(LinearOp layer);

  /// The mean over the images of KL(softmax(y) || softmax(y')) for the outputs y of the function and y' with
  /// `replacements`, which are in program order and start at the layer that the model has advanced to.
  mlir::FailureOr<double> divergence(llvm::ArrayRef<LayerReplacement> replacements);

private:
  mlir::FailureOr<std::vector<reference::Tensor>> outputsOf(Replay run);

  mlir::func::FuncOp function;
  Replay model;
  std::vector<reference::Tensor> outputs;
};

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_SENSITIVITY_H
