// The operations of the `vitya` dialect.
#ifndef VITYA_DIALECT_VITYAOPS_H
#define VITYA_DIALECT_VITYAOPS_H

#include "dialect/QuantTypes.h"
#include "dialect/VityaDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace vitya {

/// An operand of a layer that quantization stores in 8 bits.
struct QuantizableOperand {
  mlir::OpOperand *operand;
  bool isSigned; ///< s8 with zero point 0; otherwise u8 with any zero point

  mlir::Value value() const { return operand->get(); }
};

/// Verifies what all layers have in common: `vitya.ranges`, if present, has one entry for each quantizable operand.
mlir::LogicalResult verifyLayer(mlir::Operation *layer);

/// Whether `op`, which may be null, rounds an activation for the products that read it: to integers or to bf16.
bool isRounding(mlir::Operation *op);

} // namespace vitya

#include "dialect/VityaInterfaces.h.inc"
#define GET_OP_CLASSES
#include "dialect/Vitya.h.inc"

#endif // VITYA_DIALECT_VITYAOPS_H
