// Lowers contractions of integers and of bf16 to dot product instructions.
#ifndef VITYA_PASSES_LOWER_LOOPS_DOTPRODUCTS_H
#define VITYA_PASSES_LOWER_LOOPS_DOTPRODUCTS_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/PatternMatch.h"
#include "passes/lower/TargetInfo.h"

namespace vitya {

/// Lowers contractions of integers and bf16 in VNNI layout (blocking factor 4 for bytes, 2 for 16-bit integers and
/// bf16) to `instructions` on registers of `bits` bits. Products of bf16 are fused multiply-adds of f32 unless
/// `dotBf16`.
void populateDotProductPatterns(mlir::RewritePatternSet &patterns, unsigned bits, InstructionSet instructions,
                                bool dotBf16);

/// The same for NEON, with the extension i8mm or without.
void populateNeonDotProductPatterns(mlir::RewritePatternSet &patterns, unsigned bits, bool hasI8mm);

/// Whether `call` is a dot product of bytes, which not all processors have.
bool isByteDotProduct(mlir::LLVM::CallIntrinsicOp call);

} // namespace vitya

#endif // VITYA_PASSES_LOWER_LOOPS_DOTPRODUCTS_H
