// Binds each op to the function of Ops.h that defines its result.
#ifndef VITYA_DIALECT_REFERENCE_EVALUATORS_H
#define VITYA_DIALECT_REFERENCE_EVALUATORS_H

#include "dialect/reference/Tensor.h"
#include "mlir/IR/Operation.h"
#include <functional>

namespace vitya::reference {

/// The tensors of the operands of an op, which are looked up by operand.
class Operands {
public:
  /// `tensors` holds one tensor for each operand of `op`, in order.
  Operands(mlir::Operation *op, llvm::ArrayRef<Tensor> tensors) : op(op), tensors(tensors) {}

  /// The tensor of `operand`, which is an operand of the op.
  const Tensor &operator[](mlir::Value operand) const {
    auto found = llvm::find(op->getOperands(), operand);
    assert(found != op->operand_end() && "expected an operand of the op");
    return tensors[std::distance(op->operand_begin(), found)];
  }
  /// The tensor of an optional operand, or null if it is absent.
  const Tensor *find(mlir::Value operand) const { return operand ? &(*this)[operand] : nullptr; }
  /// The tensors of all operands, in order.
  llvm::ArrayRef<Tensor> all() const { return tensors; }

private:
  mlir::Operation *op;
  llvm::ArrayRef<Tensor> tensors;
};

/// Computes the result of one op from its operands. It refers to the op, and may be called from several threads.
using Evaluator = std::function<Tensor(const Operands &)>;

/// Checks that the reference interpreter executes `op`, and returns its evaluator. Errors at `op`: an op without a
/// function in Ops.h, types other than static tensors of f32, i4, i8, i16, i32 or quantized elements, a constant
/// without all its bytes, offsets or sizes that are not static.
mlir::FailureOr<Evaluator> makeEvaluator(mlir::Operation *op);

} // namespace vitya::reference

#endif // VITYA_DIALECT_REFERENCE_EVALUATORS_H
