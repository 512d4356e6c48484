// The loop over heads, and padding.
#include "passes/lower/linalg/AttentionHeads.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/lower/Kernel.h"

using namespace mlir;

namespace vitya::detail {

Value forEachHead(OpBuilder &builder, Location loc, int64_t heads, Value query, Value key, Value value,
                  llvm::function_ref<Value(const LinalgBuilder &, const Head &)> attend) {
  LinalgBuilder outer{builder, loc};
  int64_t rows = outer.size(query, 0), keys = outer.size(key, 0);
  int64_t width = outer.size(query, 1) / heads, valueWidth = outer.size(value, 1) / heads;
  auto forall = scf::ForallOp::create(
      builder, loc, SmallVector<OpFoldResult>{builder.getIndexAttr(heads)},
      ValueRange{outer.empty({rows, heads * valueWidth})}, /*mapping=*/std::nullopt,
      [&](OpBuilder &nested, Location at, ValueRange arguments) {
        LinalgBuilder b{nested, at};
        OpFoldResult zero = nested.getIndexAttr(0);
        auto column = [&](int64_t headWidth) -> Value {
          return arith::MulIOp::create(nested, at, arguments[0], arith::ConstantIndexOp::create(nested, at, headWidth));
        };
        Value start = column(width), valueStart = column(valueWidth);
        Value result = attend(b, {b.slice(query, zero, start, rows, width), b.slice(key, zero, start, keys, width),
                                  b.slice(value, zero, valueStart, keys, valueWidth),
                                  b.slice(arguments[1], zero, valueStart, rows, valueWidth)});
        auto parallel = scf::InParallelOp::create(nested, at);
        OpBuilder::InsertionGuard guard(nested);
        nested.setInsertionPointToStart(parallel.getBody());
        SmallVector<OpFoldResult> offsets{zero, valueStart}, strides(2, nested.getIndexAttr(1));
        SmallVector<OpFoldResult> sizes{nested.getIndexAttr(rows), nested.getIndexAttr(valueWidth)};
        tensor::ParallelInsertSliceOp::create(nested, at, result, arguments[1], offsets, sizes, strides);
      });
  return forall.getResult(0);
}

Value padTo(const LinalgBuilder &b, Value matrix, int64_t rows, int64_t columns) {
  int64_t oldRows = b.size(matrix, 0), oldColumns = b.size(matrix, 1);
  if (rows == oldRows && columns == oldColumns)
    return matrix;
  auto insert = [&](Value part, Value whole, int64_t row, int64_t column) -> Value {
    SmallVector<OpFoldResult> offsets{b.builder.getIndexAttr(row), b.builder.getIndexAttr(column)};
    SmallVector<OpFoldResult> sizes{b.builder.getIndexAttr(b.size(part, 0)), b.builder.getIndexAttr(b.size(part, 1))};
    SmallVector<OpFoldResult> strides(2, b.builder.getIndexAttr(1));
    return tensor::InsertSliceOp::create(b.builder, b.loc, part, whole, offsets, sizes, strides);
  };
  Value result = b.empty({rows, columns}, b.type(matrix).getElementType());
  if (rows != oldRows)
    result = insert(b.zeros(matrix, {rows - oldRows, columns}), result, oldRows, 0);
  if (columns != oldColumns)
    result = insert(b.zeros(matrix, {oldRows, columns - oldColumns}), result, 0, oldColumns);
  return insert(matrix, result, 0, 0);
}

Value keyExists(OpBuilder &builder, Location loc, int64_t keys) {
  Value group = linalg::IndexOp::create(builder, loc, 1), lane = linalg::IndexOp::create(builder, loc, 2);
  Value lanes = arith::ConstantIndexOp::create(builder, loc, kLanes);
  Value key = arith::AddIOp::create(builder, loc, arith::MulIOp::create(builder, loc, group, lanes), lane);
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, key,
                               arith::ConstantIndexOp::create(builder, loc, keys));
}

} // namespace vitya::detail
