// The two ways in which a layer leaves the pass: dense, or as a pair of factors.
#ifndef VITYA_PASSES_LOWRANK_LAYERREWRITE_H
#define VITYA_PASSES_LOWRANK_LAYERREWRITE_H

#include "passes/lowrank/Candidates.h"
#include "passes/lowrank/LowRankOutcome.h"

namespace vitya {

/// Leaves `layer` dense and records `reason` on its op and in a remark.
LayerOutcome leaveDense(const CandidateLayer &layer, llvm::StringRef reason);

/// A layer that was replaced by its factors.
struct FactorizedLayer {
  LinearOp left; ///< computes the output of the layer
  LayerOutcome outcome;
};

/// Replaces `layer` by `factors`, the truncation of an SVD with the singular values `spectrum`. `bias` is that of the
/// left factor and may be null; `method` is recorded with the rank.
FactorizedLayer replaceLayer(const CandidateLayer &layer, const numerics::Factors &factors,
                             const Eigen::VectorXd &spectrum, mlir::Value bias, llvm::StringRef method);

/// The constant bias of the left factor that makes the mean output of `layer` exact, before its op: the layer's input
/// has mean `originalMean` in the original model and `compressedMean` in the compressed one.
mlir::Value createCorrectedBias(const CandidateLayer &layer, const numerics::Factors &factors,
                                const Eigen::VectorXd &originalMean, const Eigen::VectorXd &compressedMean);

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_LAYERREWRITE_H
