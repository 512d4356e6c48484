// Expands math functions to arithmetic, so that compiled code calls no libm.
#ifndef VITYA_PASSES_LOWER_KERNELS_ELEMENTARYFUNCTIONS_H
#define VITYA_PASSES_LOWER_KERNELS_ELEMENTARYFUNCTIONS_H

#include "mlir/IR/PatternMatch.h"

namespace vitya {

/// Expands exp, erf and tanh of f32 as dialect/Elementary.h defines them, and the other math functions as upstream
/// does.
void populateElementaryFunctionPatterns(mlir::RewritePatternSet &patterns);

} // namespace vitya

#endif // VITYA_PASSES_LOWER_KERNELS_ELEMENTARYFUNCTIONS_H
