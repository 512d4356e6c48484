// Short sums: sums of products of u8 activations and s8 weights in 16 bits, which processors without a dot product of
// bytes compute twice as fast as sums in 32 bits. They are exact if the weights prove that none can overflow.
#ifndef VITYA_DIALECT_SHORTSUMS_H
#define VITYA_DIALECT_SHORTSUMS_H

#include "dialect/VityaOps.h"

namespace vitya {

/// The largest group of a short sum.
inline constexpr int64_t kMaxShortSumGroup = 8;

/// The short sum of `group` blocks of four columns that starts at (`row`, `column`) of a weight: it adds the products
/// with two adjacent columns of each block. `largest` is the largest magnitude that it can reach.
struct ShortSum {
  int64_t group, largest, row, column;
};

/// The short sum of the largest magnitude among those of `group` blocks, for a weight with rows of `columns` signed
/// bytes and inputs from 0 to `largestInput`. Partial sums, of fewer blocks or of one sign, cannot exceed it.
ShortSum findLargestShortSum(llvm::ArrayRef<char> weight, int64_t columns, int64_t group, int64_t largestInput);

/// What is to be attached to `op` as `vitya.short_sums`: the largest group for which no short sum can exceed 16 bits.
/// Null if `op` is not quantized, or its weight is no constant with all its bytes.
ShortSumsAttr proveShortSums(LinearOp op);

/// Verifies `vitya.short_sums` of `op`, if there is one, against the weight.
mlir::LogicalResult verifyShortSums(LinearOp op);

} // namespace vitya

#endif // VITYA_DIALECT_SHORTSUMS_H
