// What the steps of vitya-tile-kernels do to the ops of a kernel: tile one and fuse its producers, split one in two,
// clean up.
#ifndef VITYA_PASSES_LOWER_KERNELS_TILEANDFUSE_H
#define VITYA_PASSES_LOWER_KERNELS_TILEANDFUSE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"

namespace vitya {

/// Tiles `root` by `sizes` with loops of `type`, and fuses into them the producers that can be computed tile by tile
/// and that `shouldFuse` selects. Reports an error if the op cannot be tiled.
mlir::FailureOr<mlir::SmallVector<mlir::LoopLikeOpInterface>>
tileAndFuse(mlir::linalg::LinalgOp root, mlir::ArrayRef<int64_t> sizes, mlir::scf::SCFTilingOptions::LoopType type,
            mlir::scf::SCFTileAndFuseOptions::ControlFnTy shouldFuse);

/// Splits `op` into one op for the first `size` iterations of `loop` and one for the rest. An initial value that is
/// computed by one op becomes one for each part, so that it can be fused.
std::pair<mlir::linalg::LinalgOp, mlir::linalg::LinalgOp> splitLoop(mlir::linalg::LinalgOp op, unsigned loop,
                                                                    int64_t size);

/// Canonicalizes `kernel` and eliminates its common subexpressions.
mlir::LogicalResult cleanUp(mlir::func::FuncOp kernel);

} // namespace vitya

#endif // VITYA_PASSES_LOWER_KERNELS_TILEANDFUSE_H
