// Lowers contractions of integers to the dot product instructions of x86.
#ifndef VITYA_PASSES_LOWER_LOOPS_DOTPRODUCTS_H
#define VITYA_PASSES_LOWER_LOOPS_DOTPRODUCTS_H

#include "mlir/IR/PatternMatch.h"

namespace vitya {

/// Lowers contractions of integers in VNNI layout (blocking factor 4 for bytes, 2 for 16-bit integers) to dot products
/// on registers of `bits` bits, 512 or 256.
void populateDotProductPatterns(mlir::RewritePatternSet &patterns, unsigned bits);

} // namespace vitya

#endif // VITYA_PASSES_LOWER_LOOPS_DOTPRODUCTS_H
