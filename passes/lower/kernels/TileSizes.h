// The tile sizes of a kernel: what vitya-tile-kernels decides before it rewrites anything.
#ifndef VITYA_PASSES_LOWER_KERNELS_TILESIZES_H
#define VITYA_PASSES_LOWER_KERNELS_TILESIZES_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include <optional>

namespace vitya {

/// The largest part of a contraction's result that is kept in vector registers, in elements.
struct RegisterTile {
  int64_t rows, columns;
};

/// Whether `op` is a linalg.generic without reduction loops.
bool isElementwise(mlir::Operation *op);

/// Whether `op` is a sum of products of two tensors, each of which is indexed by some of the loops only.
bool isContraction(mlir::linalg::LinalgOp op);

/// Whether `op` copies integers into VNNI layout: the last dimension of its result is shorter than a vector.
bool isCopyToVnniLayout(mlir::Operation *op);

/// Whether `op` puts the columns of its result into an order that is its operand: it extracts each element of the
/// result from a tensor at the place that the operand gives, within a window of kLanes columns.
bool isColumnOrder(mlir::Operation *op);

/// The tile sizes that distribute `root`, the last op of a kernel, over a parallel loop, one for each loop of the op: 0
/// (not tiled) along all loops but the distributed one. None if there is nothing to distribute. Contractions of a
/// packed weight, and ops on their results, are distributed over the weight's inner tiles; all others over a few rows
/// each.
std::optional<mlir::SmallVector<int64_t>> getParallelTileSizes(mlir::linalg::LinalgOp root);

/// The loop over the blocks of a short sum of `op`, if it is a contraction of short sums: the last reduction loop,
/// after that over the columns of a block, along which both operands are contiguous. No other contraction ends with
/// such a loop.
std::optional<unsigned> getGroupLoop(mlir::linalg::LinalgOp op);

/// The number of rows of a register tile of `contraction`, given that the sums of `tile` fit into registers if there is
/// nothing else to add up. Short sums also need registers: for themselves, for the weights of all blocks of a group,
/// and for the ones that widen them. A packed weight whose inner tiles have few columns gets more rows, so that at
/// least half of the sums of `tile` are computed at the same time: fewer would wait for each other.
int64_t getTileRows(mlir::linalg::LinalgOp contraction, RegisterTile tile);

/// The tile sizes that cut `root`, the op that produces an iteration's result, into tiles of `rows` rows. None if it
/// has no more rows than that.
std::optional<mlir::SmallVector<int64_t>> getRowTileSizes(mlir::linalg::LinalgOp root, int64_t rows);

/// The loop that is vectorized and the multiple of kLanes at which its range has to be split so that the first part
/// consists of whole vectors and the second is shorter than one. None if the range is itself shorter, or a multiple.
std::optional<std::pair<unsigned, int64_t>> getWholeVectors(mlir::linalg::LinalgOp op);

/// The tile sizes that cut `op`, whose shapes are static, down to a few vector registers. 0 along loops that need no
/// tiling; all of them are 0 if the op is small enough.
mlir::SmallVector<int64_t> getRegisterTileSizes(mlir::linalg::LinalgOp op, RegisterTile tile);

} // namespace vitya

#endif // VITYA_PASSES_LOWER_KERNELS_TILESIZES_H
