// The families of patterns of vitya-to-linalg, each of which is implemented in a file of its own, and what they expect.
#ifndef VITYA_PASSES_LOWER_LINALG_VITYATOLINALG_H
#define VITYA_PASSES_LOWER_LINALG_VITYATOLINALG_H

#include "mlir/Transforms/DialectConversion.h"

namespace vitya::detail {

/// Emits an error if `op` reads or computes quantized values, which vitya-lower-quantization turns into integers.
mlir::LogicalResult verifyNotQuantized(mlir::Operation *op);

void populateAttentionToLinalgPatterns(mlir::RewritePatternSet &patterns);
void populateElementwiseToLinalgPatterns(mlir::RewritePatternSet &patterns);
void populateImageToLinalgPatterns(mlir::RewritePatternSet &patterns);
void populateIntegerAttentionToLinalgPatterns(mlir::RewritePatternSet &patterns);
void populateLinearToLinalgPatterns(mlir::RewritePatternSet &patterns);
void populateQuantizationToLinalgPatterns(mlir::RewritePatternSet &patterns);
void populateReductionToLinalgPatterns(mlir::RewritePatternSet &patterns);
void populateWindowToLinalgPatterns(mlir::RewritePatternSet &patterns);

} // namespace vitya::detail

#endif // VITYA_PASSES_LOWER_LINALG_VITYATOLINALG_H
