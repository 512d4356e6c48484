// The outcome of low-rank factorisation as JSON.
#ifndef VITYA_PASSES_LOWRANK_LOWRANKREPORT_H
#define VITYA_PASSES_LOWRANK_LOWRANKREPORT_H

#include "passes/lowrank/LowRankOutcome.h"
#include "llvm/Support/Error.h"

namespace vitya {

/// Writes `outcome` to `path`: {"method", "fingerprint" of the original model, "parameters": {"before", "after"} of the
/// weights of all layers, "layers": [...], "attentions": [...]}. A layer has "name", "in", "out", "rank" (null if
/// dense), "reason" and, if it was factorised, "spectrum" (the singular values that were truncated), "energy_kept" (the
/// share of their squares), "predicted_error" (the sum of the squares that were dropped: of the weight with `plain`, of
/// the scaled weight with `asvd`, else of the layer's output) and "measured_error" (see `LayerOutcome`). An attention
/// has the same for "query_key" and "value_output", whose spectra are root mean squares over the heads, and the
/// "measured_error" of its output layer.
llvm::Error writeReport(const LowRankOutcome &outcome, LowRankMethod method, llvm::StringRef fingerprint,
                        llvm::StringRef path);

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_LOWRANKREPORT_H
