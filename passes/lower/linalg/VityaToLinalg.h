// The families of patterns behind vitya-to-linalg, one file each.
#ifndef VITYA_PASSES_LOWER_LINALG_VITYATOLINALG_H
#define VITYA_PASSES_LOWER_LINALG_VITYATOLINALG_H

#include "mlir/Transforms/DialectConversion.h"

namespace vitya::detail {

void populateAttentionToLinalgPatterns(mlir::RewritePatternSet &patterns);
void populateElementwiseToLinalgPatterns(mlir::RewritePatternSet &patterns);
void populateImageToLinalgPatterns(mlir::RewritePatternSet &patterns);
void populateIntegerAttentionToLinalgPatterns(mlir::RewritePatternSet &patterns);
void populateLinearToLinalgPatterns(mlir::RewritePatternSet &patterns);
void populateQuantizationToLinalgPatterns(mlir::RewritePatternSet &patterns);
void populateReductionToLinalgPatterns(mlir::RewritePatternSet &patterns);

/// clamp(rint(x * inverse) + zero, low, high) as an integer of type `storage`, all operands f32 scalars.
mlir::Value quantize(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value x, mlir::Value inverse, mlir::Value zero,
                     float low, float high, mlir::Type storage);

} // namespace vitya::detail

#endif // VITYA_PASSES_LOWER_LINALG_VITYATOLINALG_H
