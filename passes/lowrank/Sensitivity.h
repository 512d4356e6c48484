// The change of a model's predictions when some of its linear layers are replaced.
#ifndef VITYA_PASSES_LOWRANK_SENSITIVITY_H
#define VITYA_PASSES_LOWRANK_SENSITIVITY_H

#include "passes/lowrank/Candidates.h"

namespace vitya {

/// A linear layer and the map that replaces it.
struct LayerReplacement {
  LinearOp layer;
  numerics::LinearMap map;
};

/// The replacement of `layer` by the product of `factors`, with the bias that keeps the mean output.
LayerReplacement replacementBy(const CandidateLayer &layer, const numerics::Factors &factors);

/// The replacements of all layers around an attention by `weights`.
llvm::SmallVector<LayerReplacement> replacementsBy(const AttentionWeights &weights, AttentionMaps &maps);

/// The squared singular values of the heads of an attention, summed over the heads.
template <typename Heads>
std::vector<double> energiesOf(const Heads &heads) {
  Eigen::VectorXd energies = double(heads.size()) * meanSpectrum(heads).array().square();
  return {energies.begin(), energies.end()};
}

/// The outputs of a model, one tensor for each image.
using Outputs = std::vector<reference::Tensor>;

/// The mean over the images of KL(softmax(y) || softmax(y')) for the outputs y of `before` and y' of `after`.
double meanDivergence(llvm::ArrayRef<reference::Tensor> before, llvm::ArrayRef<reference::Tensor> after);

/// A model on calibration images. It is executed from its first op to its last, so that a replacement of a layer
/// executes only the ops after it.
class Sensitivity {
public:
  /// Starts before the first op of `function`, with the first `count` of `images`.
  Sensitivity(mlir::func::FuncOp function, const ImageSet &images, int64_t count);

  /// Executes the model up to `layer`, which must not have been executed yet, and returns its inputs, one per image.
  mlir::FailureOr<llvm::ArrayRef<reference::Tensor>> advanceTo(LinearOp layer);

  /// The outputs with `replacements`, which are in program order and start at the layer that the model has advanced to.
  mlir::FailureOr<Outputs> outputsWith(llvm::ArrayRef<LayerReplacement> replacements);

  /// The divergence of the outputs with `replacements` from the original ones.
  mlir::FailureOr<double> divergence(llvm::ArrayRef<LayerReplacement> replacements);

private:
  mlir::FailureOr<Outputs> outputsOf(Replay run);

  mlir::func::FuncOp function;
  Replay model;
  Outputs outputs; ///< of the unchanged model, once it has advanced to a layer
};

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_SENSITIVITY_H
