// Which ranks layers get and which widths heads, from one rank for all or from a budget.
#ifndef VITYA_PASSES_LOWRANK_LOWRANKPLAN_H
#define VITYA_PASSES_LOWRANK_LOWRANKPLAN_H

#include "passes/analysis/ImageSet.h"
#include "passes/lowrank/LowRankLayer.h"

namespace vitya {

/// The attentions among `layers` whose maps are all to be factorised; their layers are marked. Others get a remark.
std::vector<LowRankAttention> selectAttentions(llvm::MutableArrayRef<LowRankLayer> layers);

/// The same for all layers: a rank, or a share of each, of which attentions keep as much in narrower heads. Where that
/// narrows no head of an attention, its layers count as any others.
struct UniformPlan {
  int64_t rank = 0; ///< 0: `keep` counts
  double keep = 0;
  LowRankBudget budget;

  void apply(llvm::MutableArrayRef<LowRankLayer> layers, std::vector<LowRankAttention> &attentions) const;
};

/// A share of all layers together, spent where it saves the most error. With calibration images the error is the
/// predictions': what a layer loses is weighed by how much the predictions change when it alone is cut.
struct SpectrumPlan {
  double keep;
  LowRankBudget budget;
  LowRankMethod method;
  const ImageSet *images = nullptr; ///< null: errors of outputs count as they are
  int64_t probes = 0;                  ///< how many of `images` to measure on

  /// An error at `module` where even rank 1 everywhere exceeds the budget.
  mlir::LogicalResult apply(mlir::ModuleOp module, llvm::MutableArrayRef<LowRankLayer> layers,
                            std::vector<LowRankAttention> &attentions) const;
};

/// As few digits as tell.
std::string shown(double value);

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_LOWRANKPLAN_H
