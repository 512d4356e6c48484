// Factorisation of layers one after the other, each fitted to the input it has in the model as compressed so far.
#ifndef VITYA_PASSES_COMPRESS_SEQUENTIALLOWRANK_H
#define VITYA_PASSES_COMPRESS_SEQUENTIALLOWRANK_H

#include "passes/compress/Calibration.h"
#include "passes/compress/LowRankLayer.h"

namespace vitya {

/// Factorises `layers`, which stand in program order in @main of `module`, at their ranks: each is the best fit of its
/// outputs in the original model from its inputs in the compressed one, on `images` (anchored). With `joint`,
/// attentions whose layers are all among `layers` get narrower heads instead, with as many weights as the ranks of
/// their layers would leave; the remaining layers, and attentions whose surroundings do not allow that, which a remark
/// explains, are anchored. Results do not depend on the number of threads.
mlir::LogicalResult factoriseInSequence(mlir::ModuleOp module, llvm::MutableArrayRef<LowRankLayer> layers,
                                        const Calibration &images, bool joint);

} // namespace vitya

#endif // VITYA_PASSES_COMPRESS_SEQUENTIALLOWRANK_H
