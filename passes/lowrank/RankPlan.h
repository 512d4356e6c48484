// The decision of low-rank factorisation: the rank of each layer and the head widths of each attention, computed from
// one rank for all layers or from a budget.
#ifndef VITYA_PASSES_LOWRANK_RANKPLAN_H
#define VITYA_PASSES_LOWRANK_RANKPLAN_H

#include "passes/analysis/ImageSet.h"
#include "passes/lowrank/Candidates.h"

namespace vitya {

/// The rank of one layer.
struct LayerPlan {
  int64_t rank = 0;        ///< 0: the layer stays dense
  std::string denseReason; ///< why, if it stays dense
};

/// The ranks of all candidates.
struct RankPlan {
  std::vector<LayerPlan> layers; ///< of `Candidates::layers`; ignored for the layers of an attention that is narrowed
  /// Of `Candidates::attentions`. An attention of which no width changes is not narrowed: its layers count as any
  /// others.
  std::vector<HeadWidths> attentions;
};

/// Gives all layers the same rank. Attentions get the number of weights that these ranks would leave, as narrower
/// heads.
RankPlan planUniformRank(const Candidates &candidates, int64_t rank);

/// Gives all layers, and all attentions, the same share `keep` of what they cost.
RankPlan planUniformShare(const Candidates &candidates, double keep, LowRankBudget budget);

/// The ranks that `ranks` lists: NAME:RANK for a layer, or NAME:WIDTH/WIDTH for an attention, the widths of its heads
/// for query and key and for value. Everything else stays dense. Emits an error at `module` for an entry of another
/// form, a name that is no candidate or occurs twice, a rank that does not pay or a width above that of the heads, and
/// for a layer of an attention that is listed too.
mlir::FailureOr<RankPlan> planByName(mlir::ModuleOp module, const Candidates &candidates,
                                     llvm::ArrayRef<std::string> ranks);

/// A share of the cost of all layers together, to be spent where it reduces the error most. With calibration images the
/// error is that of the predictions: the energy that a layer loses is multiplied by the change of the predictions, per
/// unit of energy, when this layer alone is compressed.
struct SpectrumBudget {
  double keep;
  LowRankBudget budget;
  LowRankMethod method;
  const ImageSet *images; ///< null: the errors of the layers' outputs are added up without weights
  int64_t probes;         ///< the number of `images` to measure on
};

/// Minimises the error under `budget`. Emits an error at `module` if even rank 1 everywhere exceeds the budget.
mlir::FailureOr<RankPlan> planBySpectrum(mlir::ModuleOp module, Candidates &candidates, const SpectrumBudget &budget);

/// The cost of a layer, dense and for each rank, in units of `budget`.
struct LayerCost {
  double dense, perRank;
};
LayerCost costOf(const CandidateLayer &layer, LowRankBudget budget);

/// The cost, in units of `budget`, of one row in every head: of query and key, and of value and output.
struct HeadRowCost {
  double queryKey, value;
};
HeadRowCost costOfHeadRow(const Candidates &candidates, const CandidateAttention &attention, LowRankBudget budget);

/// `value` with at most six significant digits.
std::string toShortString(double value);

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_RANKPLAN_H
