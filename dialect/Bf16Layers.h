// Makes linear layers multiply bf16.
#ifndef VITYA_DIALECT_BF16LAYERS_H
#define VITYA_DIALECT_BF16LAYERS_H

#include "dialect/VityaOps.h"
#include "llvm/ADT/DenseMap.h"

namespace vitya {

class Bf16Layers {
public:
  /// Rounds the weight of `op`, an f32 constant, and inserts `vitya.to_bf16` right after the op that computes its
  /// input, once for all layers that read this. An error at `op` if the weight lacks bytes.
  mlir::LogicalResult convert(LinearOp op);

private:
  llvm::DenseMap<mlir::Value, mlir::Value> rounded;
};

} // namespace vitya

#endif // VITYA_DIALECT_BF16LAYERS_H
