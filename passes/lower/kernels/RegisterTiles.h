// The last step of vitya-tile-kernels: from tiles of rows down to ops of register size.
#ifndef VITYA_PASSES_LOWER_KERNELS_REGISTERTILES_H
#define VITYA_PASSES_LOWER_KERNELS_REGISTERTILES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/lower/kernels/TileSizes.h"

namespace vitya {

/// Tiles the ops of `kernel`, whose rows are cut already, down to a few vector registers each. Contractions, and the
/// elementwise ops on their results, are computed one register tile after the other.
mlir::LogicalResult tileToRegisters(mlir::func::FuncOp kernel, RegisterTile tile);

} // namespace vitya

#endif // VITYA_PASSES_LOWER_KERNELS_REGISTERTILES_H
