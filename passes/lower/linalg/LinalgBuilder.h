// Short forms for building linalg ops, shared by the lowerings of the op families.
#ifndef VITYA_PASSES_LOWER_LINALG_LINALGBUILDER_H
#define VITYA_PASSES_LOWER_LINALG_LINALGBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

namespace vitya::detail {

using mlir::ArrayRef;
using mlir::Value;

/// A builder at one location. All tensors are static.
struct LinalgBuilder {
  mlir::OpBuilder &builder;
  mlir::Location loc;

  static mlir::RankedTensorType type(Value value) { return mlir::cast<mlir::RankedTensorType>(value.getType()); }
  static int64_t size(Value value, unsigned dim) { return type(value).getDimSize(dim); }

  /// An uninitialised tensor, of f32 unless `element` says otherwise.
  Value empty(ArrayRef<int64_t> shape, mlir::Type element = {}) const;
  /// A tensor that holds `value` everywhere.
  Value fill(ArrayRef<int64_t> shape, float value) const;
  /// A tensor of zeros of the element type of `like`, or of `element`.
  Value zeros(Value like, ArrayRef<int64_t> shape) const { return zeros(type(like).getElementType(), shape); }
  Value zeros(mlir::Type element, ArrayRef<int64_t> shape) const;
  Value scalar(float value) const;

  /// A linalg.generic with `loops` loops. Each operand is given with the loops that index it, the result last; loops
  /// that do not index the result are reductions. `body` maps the operands' elements (the result's last) to the new
  /// element.
  using Dims = mlir::SmallVector<unsigned>;
  using Body = llvm::function_ref<Value(mlir::OpBuilder &, mlir::Location, mlir::ValueRange)>;
  Value generic(unsigned loops, ArrayRef<std::pair<Value, Dims>> inputs, const std::pair<Value, Dims> &init,
                Body body) const;

  /// Sum of products over the loops that do not index the result.
  Value contraction(unsigned loops, const std::pair<Value, Dims> &a, const std::pair<Value, Dims> &b,
                    const std::pair<Value, Dims> &init) const;

  /// The same of integers: `a`, unsigned if it is i8, and signed `b`, summed up in i32.
  Value integerContraction(unsigned loops, const std::pair<Value, Dims> &a, const std::pair<Value, Dims> &b,
                           const std::pair<Value, Dims> &init) const;

  /// Column `column` of a [rows, columns] tensor: [rows], or a tensor of rank 0 where there is one row.
  std::pair<Value, Dims> column(Value matrix, int64_t column) const;

  /// Splits dimension `dim` into groups of `inner`: [.., n, ..] becomes [.., n / inner, inner, ..].
  Value split(Value value, unsigned dim, int64_t inner) const;
  /// Merges dimensions `dim` and `dim + 1`.
  Value merge(Value value, unsigned dim) const;
  /// The part of a matrix of `rows` x `columns` at (`row`, `column`).
  Value slice(Value matrix, mlir::OpFoldResult row, mlir::OpFoldResult column, int64_t rows, int64_t columns) const;
};

} // namespace vitya::detail

#endif // VITYA_PASSES_LOWER_LINALG_LINALGBUILDER_H
