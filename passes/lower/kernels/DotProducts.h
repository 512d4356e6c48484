// The processor's instructions for sums of products of integers.
#ifndef VITYA_PASSES_LOWER_KERNELS_DOTPRODUCTS_H
#define VITYA_PASSES_LOWER_KERNELS_DOTPRODUCTS_H

#include "mlir/IR/PatternMatch.h"

namespace vitya::detail {

/// Contractions of integers in groups of 4 bytes or 2 shorts to instructions on registers of `bits`, 512 or 256.
void populateDotProductPatterns(mlir::RewritePatternSet &patterns, unsigned bits);

} // namespace vitya::detail

#endif // VITYA_PASSES_LOWER_KERNELS_DOTPRODUCTS_H
