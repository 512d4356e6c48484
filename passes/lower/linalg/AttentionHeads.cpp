// The loop over the heads of an attention, and padding.
#include "passes/lower/linalg/AttentionHeads.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/lower/Kernel.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace vitya::detail {

Value forEachHead(LinalgBuilder &b, int64_t heads, Value query, Value key, Value value, Value bias,
                  llvm::function_ref<Value(LinalgBuilder &, const Head &)> attend) {
  int64_t rows = b.size(query, 0), keys = b.size(key, 0);
  int64_t width = b.size(query, 1) / heads, valueWidth = b.size(value, 1) / heads;
  int64_t biasWidth = bias ? b.size(bias, 1) / heads : 0;
  auto forall = scf::ForallOp::create(
      b, SmallVector<OpFoldResult>{b.getIndexAttr(heads)}, ValueRange{b.empty({rows, heads * valueWidth})},
      /*mapping=*/std::nullopt, [&](OpBuilder &builder, Location loc, ValueRange arguments) {
        LinalgBuilder nested(builder, loc);
        OpFoldResult zero = nested.getIndexAttr(0);
        auto firstColumn = [&](int64_t headWidth) -> Value {
          return arith::MulIOp::create(nested, arguments[0], arith::ConstantIndexOp::create(nested, headWidth));
        };
        Value start = firstColumn(width), valueStart = firstColumn(valueWidth);
        Head head;
        head.query = nested.slice(query, zero, start, rows, width);
        head.key = nested.slice(key, zero, start, keys, width);
        head.value = nested.slice(value, zero, valueStart, keys, valueWidth);
        if (bias) {
          int64_t padded = llvm::alignTo(keys, kLanes), read = biasWidth < padded ? keys : padded;
          head.bias = padTo(nested, nested.slice(bias, zero, firstColumn(biasWidth), rows, read), rows, padded);
        }
        head.destination = nested.slice(arguments[1], zero, valueStart, rows, valueWidth);
        Value result = attend(nested, head);
        auto parallel = scf::InParallelOp::create(nested);
        nested.setInsertionPointToStart(parallel.getBody());
        SmallVector<OpFoldResult> offsets{zero, valueStart}, strides(2, nested.getIndexAttr(1));
        SmallVector<OpFoldResult> sizes{nested.getIndexAttr(rows), nested.getIndexAttr(valueWidth)};
        tensor::ParallelInsertSliceOp::create(nested, result, arguments[1], offsets, sizes, strides);
      });
  return forall.getResult(0);
}

Value padTo(LinalgBuilder &b, Value matrix, int64_t rows, int64_t columns) {
  int64_t oldRows = b.size(matrix, 0), oldColumns = b.size(matrix, 1);
  if (rows == oldRows && columns == oldColumns)
    return matrix;
  Type element = b.type(matrix).getElementType();
  Value result = b.empty({rows, columns}, element);
  if (rows != oldRows)
    result = b.insert(b.zeros(element, {rows - oldRows, columns}), result, oldRows, 0);
  if (columns != oldColumns)
    result = b.insert(b.zeros(element, {oldRows, columns - oldColumns}), result, 0, oldColumns);
  return b.insert(matrix, result, 0, 0);
}

Value keyExists(FloatBuilder &b, Value key, int64_t keys) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, key, arith::ConstantIndexOp::create(b, keys));
}

} // namespace vitya::detail
