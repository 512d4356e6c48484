// The attributes that connect the passes of the lowering: how kernels and loops are marked, and what a module carries.
#ifndef VITYA_PASSES_LOWER_KERNEL_H
#define VITYA_PASSES_LOWER_KERNEL_H

#include "dialect/VityaDialect.h"
#include "dialect/arithmetic/Lanes.h"
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

/// The blocking factor of VNNI layout for activations of type `element`: how many pairs of integers one dot product
/// instruction multiplies and adds into a 32-bit sum, which must therefore be contiguous in both operands. 4 for bytes,
/// 2 for 16-bit integers, 1 (no blocking) for f32.
inline int64_t getVnniBlockingFactor(mlir::Type element) {
  return element.isInteger(8) ? 4 : element.isInteger(16) ? 2 : 1;
}

} // namespace vitya

#endif // VITYA_PASSES_LOWER_KERNEL_H
