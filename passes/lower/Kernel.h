// What the passes of the lowering agree on: how kernels are marked and the width of the reduction tree.
#ifndef VITYA_PASSES_LOWER_KERNEL_H
#define VITYA_PASSES_LOWER_KERNEL_H

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

/// Lanes of a reduction and the unit of padding: 16 f32 are one AVX-512 register, two of AVX2, one cache line.
inline constexpr int64_t kLanes = 16;

/// The largest power of two up to kLanes that divides `size`: how many lanes a row of that size is cut into.
inline int64_t lanesOf(int64_t size) {
  int64_t lanes = kLanes;
  while (size % lanes != 0)
    lanes /= 2;
  return lanes;
}

} // namespace vitya

#endif // VITYA_PASSES_LOWER_KERNEL_H
