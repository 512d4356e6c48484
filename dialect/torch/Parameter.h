// The weights of a model as parameters of training.
#ifndef VITYA_DIALECT_TORCH_PARAMETER_H
#define VITYA_DIALECT_TORCH_PARAMETER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include <vector>

namespace vitya::autograd {

/// A weight of a model: a constant of f32 or bf16, or a constant of integers with the scales by which they stand for
/// f32 values.
struct Parameter {
  std::string name; ///< of the resource, or of the layer that reads it
  std::vector<int64_t> shape;
  std::vector<float> values;
  /// Whether weight decay applies to it: it is the matrix of a linear layer.
  bool isMatrix = false;

  std::vector<mlir::arith::ConstantOp> constants; ///< those that hold it
  std::vector<double> scales;                     ///< of integers, one for each row or one; empty for f32
  int64_t min = 0, max = 0;                       ///< of integers
  /// Of the logarithms of learned scales: the quantized values whose type has these scales. Empty for a weight.
  std::vector<mlir::Value> quantized;
};

/// The value that ops read in place of `constant`: that of the cast if it holds the integers of a weight.
mlir::Value valueOf(mlir::arith::ConstantOp constant);

/// Reads the weight that `constant` holds. Errors at `constant`: a type other than f32, bf16 or the integers of a
/// quantized layer, or missing bytes.
mlir::FailureOr<Parameter> readParameter(mlir::arith::ConstantOp constant);

/// Stores `values` in the constants of `parameter`, rounded if these are integers or bf16.
void storeParameter(Parameter &parameter, llvm::ArrayRef<float> values);

} // namespace vitya::autograd

#endif // VITYA_DIALECT_TORCH_PARAMETER_H
