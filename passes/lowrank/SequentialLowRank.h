// Factorisation of layers in program order, each fitted to the input that it has in the model as compressed so far.
#ifndef VITYA_PASSES_LOWRANK_SEQUENTIALLOWRANK_H
#define VITYA_PASSES_LOWRANK_SEQUENTIALLOWRANK_H

#include "passes/lowrank/LowRankOutcome.h"
#include "passes/lowrank/RankPlan.h"

namespace vitya {

/// Factorises `candidates`, layers of @main of `module`, as `plan` says. With an anchored method each layer becomes the
/// best fit, on `images`, of its output in the original model from its input in the compressed one. With another method
/// its right factor is that of the method, and the left factor is fitted. Heads of attentions are narrowed to the
/// planned widths. Results do not depend on the number of threads.
mlir::FailureOr<LowRankOutcome> factorizeInSequence(mlir::ModuleOp module, LowRankMethod method,
                                                    const Candidates &candidates, const RankPlan &plan,
                                                    const ImageSet &images);

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_SEQUENTIALLOWRANK_H
