// Expands math functions to arithmetic, so that compiled code calls no libm.
#ifndef VITYA_PASSES_LOWER_LOOPS_ELEMENTARYFUNCTIONS_H
#define VITYA_PASSES_LOWER_LOOPS_ELEMENTARYFUNCTIONS_H

#include "mlir/IR/PatternMatch.h"

namespace vitya {

/// Adds patterns that expand exp, erf and tanh of f32 as dialect/arithmetic/MathFunctions.h defines them, and
/// upstream's expansions of the other functions of the math dialect.
void populateElementaryFunctionPatterns(mlir::RewritePatternSet &patterns);

} // namespace vitya

#endif // VITYA_PASSES_LOWER_LOOPS_ELEMENTARYFUNCTIONS_H
