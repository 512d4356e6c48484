// Builds linalg and tensor ops on static tensors; shared by the lowerings of all op families.
#ifndef VITYA_PASSES_LOWER_LINALG_LINALGBUILDER_H
#define VITYA_PASSES_LOWER_LINALG_LINALGBUILDER_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "passes/lower/linalg/FloatBuilder.h"

namespace vitya::detail {

using mlir::ArrayRef;
using mlir::Value;

/// A builder at one location. All tensors are static.
class LinalgBuilder : public mlir::ImplicitLocOpBuilder {
public:
  /// Creates ops at the insertion point of `builder`.
  LinalgBuilder(mlir::OpBuilder &builder, mlir::Location loc) : ImplicitLocOpBuilder(loc, builder) {}

  static mlir::RankedTensorType type(Value value) { return mlir::cast<mlir::RankedTensorType>(value.getType()); }
  static int64_t size(Value value, unsigned dim) { return type(value).getDimSize(dim); }

  /// An uninitialized tensor, of f32 unless `element` is given.
  Value empty(ArrayRef<int64_t> shape, mlir::Type element = {});
  /// A tensor whose elements are all `value`.
  Value fill(ArrayRef<int64_t> shape, float value);
  /// A tensor of zeros of type `element`.
  Value zeros(mlir::Type element, ArrayRef<int64_t> shape);

  /// The loops that index the dimensions of an operand of linalg.generic.
  using Dims = mlir::SmallVector<unsigned>;
  using Operand = std::pair<Value, Dims>;
  /// Computes the new element of the result from the elements of the operands, the result's last.
  using Body = llvm::function_ref<Value(FloatBuilder &, mlir::ValueRange)>;
  /// A linalg.generic with `loops` loops. Loops that do not index `init` are reductions.
  Value generic(unsigned loops, ArrayRef<Operand> inputs, const Operand &init, Body body);
  /// The same with operands that are read and written by maps of the loops. Loops that `initMap` does not have are
  /// reductions.
  Value generic(mlir::AffineMap initMap, ArrayRef<std::pair<Value, mlir::AffineMap>> inputs, Value init, Body body);
  /// A linalg.generic that permutes or copies elements.
  Value copy(unsigned loops, const Operand &input, const Operand &init);

  /// A sum of products in f32 over the loops that do not index `init`. `a` and `b` are f32 or bf16.
  Value contraction(unsigned loops, const Operand &a, const Operand &b, const Operand &init);
  /// A sum of integer products in i32. `a` is unsigned if it is i8 and signed otherwise, `b` is signed.
  Value integerContraction(unsigned loops, const Operand &a, const Operand &b, const Operand &init);

  /// Column `column` of a [rows, columns] tensor: a tensor [rows], or one of rank 0 if there is one row.
  Operand column(Value matrix, int64_t column);

  /// Splits dimension `dim` into blocks of `inner`: [.., n, ..] becomes [.., n / inner, inner, ..].
  Value split(Value value, unsigned dim, int64_t inner);
  /// The parts of a matrix whose rows are reduced one after the other (dialect/arithmetic/Lanes.h), each as
  /// [rows, blocks, lanes]: the whole blocks of kLanes columns and the rest, if there is one.
  mlir::SmallVector<Value> splitToLanes(Value matrix);
  /// Merges dimensions `dim` and `dim + 1`.
  Value merge(Value value, unsigned dim);
  /// The `rows` x `columns` submatrix of a matrix that starts at (`row`, `column`).
  Value slice(Value matrix, mlir::OpFoldResult row, mlir::OpFoldResult column, int64_t rows, int64_t columns);
  /// The first `columns` columns of `matrix`; `matrix` itself if it has no more.
  Value firstColumns(Value matrix, int64_t columns);
  /// `destination` with its submatrix that starts at (`row`, `column`) replaced by `source`.
  Value insert(Value source, Value destination, int64_t row, int64_t column);
};

} // namespace vitya::detail

#endif // VITYA_PASSES_LOWER_LINALG_LINALGBUILDER_H
