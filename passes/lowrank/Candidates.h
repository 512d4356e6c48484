// The input of low-rank factorisation: the layers and attentions that may be factorised. Nothing here changes once the
// candidates are selected; decisions are in RankPlan.h and results in LowRankOutcome.h.
#ifndef VITYA_PASSES_LOWRANK_CANDIDATES_H
#define VITYA_PASSES_LOWRANK_CANDIDATES_H

#include "passes/analysis/AttentionMaps.h"
#include "passes/lowrank/LowRankOptions.h"
#include <memory>

namespace vitya {

/// A dense linear layer that may be factorised.
struct CandidateLayer {
  CandidateLayer(LinearOp op, Eigen::MatrixXd weight, Eigen::VectorXd bias)
      : op(op), weight(std::move(weight)), bias(std::move(bias)) {}

  LinearOp op;            ///< erased when the layer is replaced
  Eigen::MatrixXd weight; ///< [out, in]
  Eigen::VectorXd bias;   ///< [out]
  /// The moments of the layer's input; null if they were not requested.
  std::shared_ptr<const numerics::Moments> input;

  int64_t out() const { return weight.rows(); }
  int64_t in() const { return weight.cols(); }
  int64_t fullRank() const { return std::min(out(), in()); }
  /// Number of elements of the weight.
  int64_t elements() const { return out() * in(); }
  /// Number of elements of each row of the left factor and column of the right factor together: the size of one rank.
  int64_t elementsPerRank() const { return out() + in(); }
  /// Number of rows of the layer's input.
  int64_t tokens() const { return LinearOp(op).getInput().getType().getDimSize(0); }
};

/// The position of a layer in `Candidates::layers`.
enum class LayerIndex : size_t {};

/// An attention whose surrounding linear layers are all candidates, so that its heads can be narrowed.
struct CandidateAttention {
  CandidateAttention(AttentionMaps maps, llvm::SmallVector<LayerIndex, 4> layers)
      : maps(std::move(maps)), layers(std::move(layers)) {}

  AttentionMaps maps;
  llvm::SmallVector<LayerIndex, 4> layers; ///< the projections in program order, then the output layer

  LinearOp firstOp() const { return maps.inputs().front(); }
};

struct Candidates {
  std::vector<CandidateLayer> layers; ///< in program order
  std::vector<CandidateAttention> attentions;

  CandidateLayer &operator[](LayerIndex index) { return layers[static_cast<size_t>(index)]; }
  const CandidateLayer &operator[](LayerIndex index) const { return layers[static_cast<size_t>(index)]; }
};

/// Selects the dense layers of @main of `module` whose name matches `layers`. Emits a remark for each that is
/// factorised already, and an error for a pattern that fits none and for weights that are not finite constants.
mlir::FailureOr<std::vector<CandidateLayer>> selectLayers(mlir::ModuleOp module, llvm::StringRef layers);

/// Gives each layer the moments of its input, see readOrCollectStatistics(). Warns of the layer that has the fewest
/// tokens for its width, if there are too few.
mlir::LogicalResult readMoments(mlir::ModuleOp module, std::vector<CandidateLayer> &layers, llvm::StringRef statistics,
                                const ImageSet *images);

/// Selects the attentions of the block of `layers` whose linear layers are all among them. Emits a remark for each
/// attention that keeps its heads although one of its layers is a candidate.
std::vector<CandidateAttention> selectAttentions(llvm::ArrayRef<CandidateLayer> layers);

/// The SVD of a layer's weight by `method`; the whitened one for methods that fit layers in sequence.
numerics::Factorization factorize(LowRankMethod method, const CandidateLayer &layer);

/// Warns that `tokens` rows of the calibration images are too few to determine the moments of the layer's input.
void warnOfFewTokens(const CandidateLayer &layer, int64_t tokens);

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_CANDIDATES_H
