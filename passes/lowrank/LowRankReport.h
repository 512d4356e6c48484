// The outcome of low-rank factorisation in the report of a model.
#ifndef VITYA_PASSES_LOWRANK_LOWRANKREPORT_H
#define VITYA_PASSES_LOWRANK_LOWRANKREPORT_H

#include "passes/lowrank/LowRankOutcome.h"
#include "passes/report/ModelReport.h"

namespace vitya {

/// Adds `outcome` to the records of its layers and attentions in `report`. `fingerprint` is that of the original model.
/// The predicted error of a layer is that of the weight with method plain, of the scaled weight with asvd, else of the
/// layer's output.
void addToReport(const LowRankOutcome &outcome, LowRankMethod method, llvm::StringRef fingerprint, ModelReport &report);

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_LOWRANKREPORT_H
