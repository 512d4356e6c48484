// What the passes of the lowering agree on: how kernels and loops are marked, and what stands on the module.
#ifndef VITYA_PASSES_LOWER_KERNEL_H
#define VITYA_PASSES_LOWER_KERNEL_H

#include "dialect/Elementary.h"
#include "dialect/VityaDialect.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringRef.h"

namespace vitya {

/// On a call: the name of the layer it computes.
inline constexpr llvm::StringLiteral kLayerAttrName = "vitya.layer";
/// On a call of an outlined loop: a unit attribute. The last two operands are the range of its iterations.
inline constexpr llvm::StringLiteral kLoopAttrName = "vitya.loop";
/// On the module: the packed weights, a tensor of bytes.
inline constexpr llvm::StringLiteral kWeightsAttrName = "vitya.weights";
/// On the module: bytes of scratch memory that one inference needs.
inline constexpr llvm::StringLiteral kWorkspaceAttrName = "vitya.workspace_bytes";
/// On the module: the names of the layers, in the order of the numbers that `vitya_parallel_for` receives.
inline constexpr llvm::StringLiteral kLayersAttrName = "vitya.layers";

/// How many numbers of type `element` stand side by side in a contraction: as many integers as one instruction
/// multiplies and adds, 4 bytes or 2 of 16 bits.
inline int64_t groupOf(mlir::Type element) { return element.isInteger(8) ? 4 : element.isInteger(16) ? 2 : 1; }

} // namespace vitya

#endif // VITYA_PASSES_LOWER_KERNEL_H
