// The choices of low-rank factorisation, as options of its pass.
#ifndef VITYA_PASSES_LOWRANK_LOWRANKOPTIONS_H
#define VITYA_PASSES_LOWRANK_LOWRANKOPTIONS_H

namespace vitya {

/// How the factors of a layer are found; see passes/numerics/Factorization.h.
enum class LowRankMethod { plain, asvd, whitened, anchored, joint };

/// Whether layers are fitted to the inputs that those before leave.
inline bool isAnchored(LowRankMethod method) {
  return method == LowRankMethod::anchored || method == LowRankMethod::joint;
}

/// What `keep` is a share of.
enum class LowRankBudget { parameters, macs };

/// How a budget is spread over the layers: the same share for each, or where it saves the most error.
enum class RankAllocation { uniform, spectrum };

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_LOWRANKOPTIONS_H
