// Short sums: sums of products of u8 activations and s8 weights in 16 bits, which processors without a dot product of
// bytes compute twice as fast as sums in 32 bits. They are exact if the weights prove that none can overflow.
#ifndef VITYA_DIALECT_SHORTSUMS_H
#define VITYA_DIALECT_SHORTSUMS_H

#include "dialect/VityaOps.h"
#include <optional>
#include <vector>

namespace vitya {

/// The largest group of a short sum.
inline constexpr int64_t kMaxShortSumGroup = 8;

/// Puts the columns of each window of kLanes columns into another order, the same for all rows, so that no short sum of
/// `group` blocks can exceed 16 bits. The result has, for each column of a weight whose columns are a multiple of
/// kLanes, the position in the window of the column to be put there. None if some window has no such order, or none
/// that is found in few steps. The order is the same for each call with the same arguments.
std::optional<std::vector<char>> orderColumns(llvm::ArrayRef<char> weight, int64_t columns, int64_t group,
                                              int64_t largestInput);

/// The bytes of `weight` in `order`.
std::vector<char> applyOrder(llvm::ArrayRef<char> weight, int64_t columns, llvm::ArrayRef<char> order);

/// The attribute `vitya.short_sums` of `op`: the largest group for which no short sum can exceed 16 bits.
/// Null if `op` is not quantized, or its weight is no constant with all its bytes.
ShortSumsAttr proveShortSums(LinearOp op);

/// Verifies `vitya.short_sums` of `op`, if there is one, against the weight.
mlir::LogicalResult verifyShortSums(LinearOp op);

} // namespace vitya

#endif // VITYA_DIALECT_SHORTSUMS_H
