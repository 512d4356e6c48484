// integer_attention: as attention, with both products on integers. Keys and values of a head are copied once into
// panels in which as many integers stand side by side as one instruction multiplies and adds: 4 bytes or 2 shorts,
// along the width for keys, along the keys for values. Padding is zero, and the scores of padding the most negative
// number.
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/linalg/AttentionHeads.h"
#include "passes/lower/linalg/VityaToLinalg.h"
#include "llvm/Support/MathExtras.h"
#include <limits>

using namespace mlir;
using namespace vitya;
using namespace vitya::detail;

namespace {

Value copyElement(OpBuilder &, Location, ValueRange v) { return v[0]; }

Value constantOf(OpBuilder &builder, Location loc, float value) {
  return arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(value));
}

/// The four numbers of the op, tensors of rank 0.
struct Factors {
  std::pair<Value, LinalgBuilder::Dims> score, zero, inverse, value;
};

struct IntegerHead {
  const LinalgBuilder &b;
  const Head &head;
  Factors factors;
  Type storage = b.type(head.query).getElementType(), i32 = b.builder.getI32Type();
  int64_t group = getVnniBlockingFactor(storage);
  int64_t rows = b.size(head.query, 0), keys = b.size(head.key, 0), groups = llvm::divideCeil(keys, kLanes);
  int64_t width = llvm::alignTo(b.size(head.query, 1), group), valueWidth = b.size(head.value, 1);

  /// f32(sum (q - zero) k) * factor; the most negative number for padding: [rows, groups, kLanes].
  Value scores() {
    Value query = b.split(padTo(b, head.query, rows, width), 1, group);
    Value key = b.split(b.split(padTo(b, head.key, groups * kLanes, width), 0, kLanes), 2, group);
    SmallVector<int64_t> shape{groups, width / group, kLanes, group};
    Value panels = b.generic(4, {{key, {0, 2, 1, 3}}}, {b.empty(shape, storage), {0, 1, 2, 3}}, copyElement);
    auto multiply = [&](Value left, int64_t count) {
      return b.integerContraction(5, {left, {0, 3, 4}}, {panels, {1, 3, 2, 4}},
                                  {b.zeros(i32, {count, groups, kLanes}), {0, 1, 2}});
    };
    // sum zero k is that of a query that is the zero point.
    Value zeros = b.generic(3, {factors.zero}, {b.empty({1, width / group, group}, storage), {0, 1, 2}},
                            [&](OpBuilder &nested, Location loc, ValueRange v) -> Value {
                              Value wide = arith::FPToSIOp::create(nested, loc, i32, v[0]);
                              return arith::TruncIOp::create(nested, loc, storage, wide);
                            });
    SmallVector<OpFoldResult> origin(3, b.builder.getIndexAttr(0)), unit(3, b.builder.getIndexAttr(1));
    SmallVector<OpFoldResult> sizes{unit[0], b.builder.getIndexAttr(groups), b.builder.getIndexAttr(kLanes)};
    Value shift = tensor::ExtractSliceOp::create(b.builder, b.loc, RankedTensorType::get({groups, kLanes}, i32),
                                                 multiply(zeros, 1), origin, sizes, unit);
    return b.generic(3, {{multiply(query, rows), {0, 1, 2}}, {shift, {1, 2}}, factors.score},
                     {b.empty({rows, groups, kLanes}), {0, 1, 2}},
                     [&](OpBuilder &nested, Location loc, ValueRange v) -> Value {
                       Value sum = arith::SubIOp::create(nested, loc, v[0], v[1]);
                       Value real = arith::SIToFPOp::create(nested, loc, nested.getF32Type(), sum);
                       Value score = arith::MulFOp::create(nested, loc, real, v[2]);
                       if (groups * kLanes == keys)
                         return score;
                       return arith::SelectOp::create(nested, loc, keyExists(nested, loc, keys), score,
                                                      constantOf(nested, loc, std::numeric_limits<float>::lowest()));
                     });
  }

  /// exp(score - maximum of the row) as integers: [rows, groups, kLanes].
  Value weights(Value scores) {
    auto max = [](OpBuilder &nested, Location loc, ValueRange v) -> Value {
      return arith::MaxNumFOp::create(nested, loc, v[0], v[1]);
    };
    float lowest = std::numeric_limits<float>::lowest();
    Value laneMax = b.generic(3, {{scores, {0, 1, 2}}}, {b.fill({rows, kLanes}, lowest), {0, 2}}, max);
    Value rowMax = b.generic(2, {{laneMax, {0, 1}}}, {b.fill({rows}, lowest), {0}}, max);
    return b.generic(3, {{scores, {0, 1, 2}}, {rowMax, {0}}, factors.inverse},
                     {b.empty({rows, groups, kLanes}, storage), {0, 1, 2}},
                     [&](OpBuilder &nested, Location loc, ValueRange v) -> Value {
                       Value shifted = arith::SubFOp::create(nested, loc, v[0], v[1]);
                       Value exponential = math::ExpOp::create(nested, loc, shifted);
                       return quantize(nested, loc, exponential, v[2], constantOf(nested, loc, 0), 0, 255, storage);
                     });
  }

  /// The sum of the weights of each row: [rows] of i32.
  Value sumOf(Value weights) {
    auto add = [](OpBuilder &nested, Location loc, ValueRange v) -> Value {
      return arith::AddIOp::create(nested, loc, v[0], v[1]);
    };
    Value laneSum = b.generic(3, {{weights, {0, 1, 2}}}, {b.zeros(i32, {rows, kLanes}), {0, 2}},
                              [&](OpBuilder &nested, Location loc, ValueRange v) -> Value {
                                Value wide = arith::ExtUIOp::create(nested, loc, i32, v[0]);
                                return arith::AddIOp::create(nested, loc, v[1], wide);
                              });
    return b.generic(2, {{laneSum, {0, 1}}}, {b.zeros(i32, {rows}), {0}}, add);
  }

  /// f32(sum w v) * factor / f32(sum w), into the head's destination.
  Value attend() {
    Value weight = weights(scores());
    int64_t padded = llvm::alignTo(valueWidth, kLanes);
    Value value = b.split(b.split(padTo(b, head.value, groups * kLanes, padded), 0, kLanes), 1, group);
    SmallVector<int64_t> shape{groups, kLanes / group, padded, group};
    Value panels = b.generic(4, {{value, {0, 1, 3, 2}}}, {b.empty(shape, storage), {0, 1, 2, 3}}, copyElement);
    // Loops: rows, columns, groups, keys in steps of an instruction, those of one step.
    Value mixed = b.integerContraction(5, {b.split(weight, 2, group), {0, 2, 3, 4}}, {panels, {2, 3, 1, 4}},
                                       {b.zeros(i32, {rows, padded}), {0, 1}});
    if (padded != valueWidth) {
      OpFoldResult zero = b.builder.getIndexAttr(0);
      mixed = b.slice(mixed, zero, zero, rows, valueWidth);
    }
    return b.generic(2, {{mixed, {0, 1}}, {sumOf(weight), {0}}, factors.value}, {head.destination, {0, 1}},
                     [](OpBuilder &nested, Location loc, ValueRange v) -> Value {
                       Type f32 = nested.getF32Type();
                       Value real = arith::SIToFPOp::create(nested, loc, f32, v[0]);
                       return arith::DivFOp::create(nested, loc, arith::MulFOp::create(nested, loc, real, v[2]),
                                                    arith::SIToFPOp::create(nested, loc, f32, v[1]));
                     });
  }
};

struct IntegerAttentionToLinalg : OpConversionPattern<IntegerAttentionOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(IntegerAttentionOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder outer{rewriter, op.getLoc()};
    auto row =
        tensor::ExpandShapeOp::create(rewriter, op.getLoc(), RankedTensorType::get({1, 4}, rewriter.getF32Type()),
                                      adaptor.getFactors(), SmallVector<ReassociationIndices>{{0, 1}});
    Factors factors{outer.column(row, 0), outer.column(row, 1), outer.column(row, 2), outer.column(row, 3)};
    rewriter.replaceOp(op, forEachHead(rewriter, op.getLoc(), op.getHeads(), adaptor.getQuery(), adaptor.getKey(),
                                       adaptor.getValue(), [&](const LinalgBuilder &b, const Head &head) {
                                         return IntegerHead{b, head, factors}.attend();
                                       }));
    return success();
  }
};

} // namespace

void vitya::detail::populateIntegerAttentionToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<IntegerAttentionToLinalg>(patterns.getContext());
}
