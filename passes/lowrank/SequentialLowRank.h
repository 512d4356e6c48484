// Factorisation of layers one after the other, each fitted to the input it has in the model as compressed so far.
#ifndef VITYA_PASSES_LOWRANK_SEQUENTIALLOWRANK_H
#define VITYA_PASSES_LOWRANK_SEQUENTIALLOWRANK_H

#include "passes/analysis/ImageSet.h"
#include "passes/lowrank/LowRankLayer.h"

namespace vitya {

/// Factorises `layers`, which stand in program order in @main of `module`, at their ranks: each is the best fit of its
/// outputs in the original model from its inputs in the compressed one, on `images` (anchored), or, where `method` is
/// none that is anchored, its left factor is that of the method's right one. `attentions` get the widths of heads that
/// they have, in place of their layers' ranks. Results do not depend on the number of threads.
mlir::LogicalResult factoriseInSequence(mlir::ModuleOp module, LowRankMethod method,
                                        llvm::MutableArrayRef<LowRankLayer> layers,
                                        llvm::MutableArrayRef<LowRankAttention> attentions, const ImageSet &images);

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_SEQUENTIALLOWRANK_H
