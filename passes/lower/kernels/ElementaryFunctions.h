// Functions of libm as arithmetic.
#ifndef VITYA_PASSES_LOWER_KERNELS_ELEMENTARYFUNCTIONS_H
#define VITYA_PASSES_LOWER_KERNELS_ELEMENTARYFUNCTIONS_H

#include "mlir/IR/PatternMatch.h"

namespace vitya::detail {

/// exp, erf and tanh of f32 as dialect/Elementary.h defines them, and upstream's expansions of the others.
void populateElementaryFunctionPatterns(mlir::RewritePatternSet &patterns);

} // namespace vitya::detail

#endif // VITYA_PASSES_LOWER_KERNELS_ELEMENTARYFUNCTIONS_H
