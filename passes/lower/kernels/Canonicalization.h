// Canonicalization within the passes on kernels.
#ifndef VITYA_PASSES_LOWER_KERNELS_CANONICALIZATION_H
#define VITYA_PASSES_LOWER_KERNELS_CANONICALIZATION_H

#include "mlir/IR/PatternMatch.h"

namespace vitya {

/// Adds the canonicalization patterns of the dialects named `dialects`, and of all their ops, to `patterns`. Passes
/// that need other patterns to a common fixed point with these cannot use the canonicalizer pass.
void populateCanonicalizationPatterns(mlir::RewritePatternSet &patterns, llvm::ArrayRef<llvm::StringRef> dialects);

} // namespace vitya

#endif // VITYA_PASSES_LOWER_KERNELS_CANONICALIZATION_H
