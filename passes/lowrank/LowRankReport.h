// What became of each layer, as JSON.
#ifndef VITYA_PASSES_LOWRANK_LOWRANKREPORT_H
#define VITYA_PASSES_LOWRANK_LOWRANKREPORT_H

#include "passes/lowrank/LowRankLayer.h"
#include "llvm/Support/Error.h"

namespace vitya {

/// Writes `path`: {"method", "fingerprint" of the model before, "parameters": {"before", "after"} of the weights of
/// `layers`, "layers": [...], "attentions": [...]}. A layer has "name", "in", "out", "rank" (null: dense), "reason"
/// and, where it was factorised, "spectrum" (the singular values that were cut), "energy_kept" (the share of their
/// squares), "predicted_error" (the squares that were dropped: of the weight with `plain`, of the scaled weight with
/// `asvd`, else of the layer's output) and "measured_error": E||y - y'||^2 of the output on the calibration images,
/// with `plain` and no statistics the squared error of the weight. An attention has the same for "query_key" and
/// "value_output", whose spectra are the root mean squares over the heads, and the measured error of its output layer.
llvm::Error writeReport(LowRankMethod method, llvm::StringRef fingerprint, llvm::ArrayRef<LowRankLayer> layers,
                        llvm::ArrayRef<LowRankAttention> attentions, llvm::StringRef path);

/// The method's name, as its option has it.
llvm::StringRef nameOf(LowRankMethod method);

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_LOWRANKREPORT_H
