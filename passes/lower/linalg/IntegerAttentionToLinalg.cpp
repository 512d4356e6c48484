// Lowers integer_attention like attention, with both products on integers. The keys and values of a head are copied
// once into VNNI layout: the inner tile holds the integers that one instruction multiplies and adds, 4 of 8
// bits or 2 of 16 bits, along the width for keys and along the keys for values. Padding is zero, and the scores of
// padding are the lowest finite f32.
#include "dialect/VityaOps.h"
#include "dialect/arithmetic/Quantize.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/linalg/AttentionHeads.h"
#include "passes/lower/linalg/VityaToLinalg.h"
#include "llvm/Support/MathExtras.h"
#include <limits>

using namespace mlir;
using namespace vitya;
using namespace vitya::detail;

namespace {

/// The four factors of the op as tensors of rank 0: the factor of a score, the zero point of the query, the reciprocal
/// of the weights' scale and the scale of the values.
struct Factors {
  LinalgBuilder::Operand score, zero, inverse, value;
};

struct IntegerHead {
  LinalgBuilder &b;
  const Head &head;
  Factors factors;
  Type storage = b.type(head.query).getElementType(), i32 = b.getI32Type();
  int64_t inner = getVnniBlockingFactor(storage); ///< size of the inner tile
  int64_t rows = b.size(head.query, 0), keys = b.size(head.key, 0), paddedKeys = llvm::alignTo(keys, kLanes);
  int64_t blocks = paddedKeys / kLanes;
  int64_t width = llvm::alignTo(b.size(head.query, 1), inner), valueWidth = b.size(head.value, 1);

  /// The sums over the columns of `left` [count, width / inner, inner] times those of `transposedKeys`
  /// [width / inner, padded keys, inner]: i32 [count, padded keys].
  Value multiplyByKeys(Value left, Value transposedKeys, int64_t count) {
    return b.integerContraction(4, {left, {0, 2, 3}}, {transposedKeys, {2, 1, 3}},
                                {b.zeros(i32, {count, paddedKeys}), {0, 1}});
  }

  /// sum(zero * key) for each key: i32 [padded keys]. It is the product of a query whose elements are the zero point.
  Value sumsOfZero(Value transposedKeys) {
    Value zeros = b.generic(
        3, {factors.zero}, {b.empty({1, width / inner, inner}, storage), {0, 1, 2}},
        [&](FloatBuilder &a, ValueRange v) -> Value { return arith::TruncIOp::create(a, storage, a.toInteger(v[0])); });
    SmallVector<OpFoldResult> origin(2, b.getIndexAttr(0)), unit(2, b.getIndexAttr(1));
    SmallVector<OpFoldResult> sizes{unit[0], b.getIndexAttr(paddedKeys)};
    return tensor::ExtractSliceOp::create(b, RankedTensorType::get({paddedKeys}, i32),
                                          multiplyByKeys(zeros, transposedKeys, 1), origin, sizes, unit);
  }

  /// f32(sum (query - zero) * key) * factor + bias, or the lowest f32 for padding: [rows, blocks, kLanes].
  Value scores() {
    Value query = b.split(padTo(b, head.query, rows, width), 1, inner);
    Value key = b.split(padTo(b, head.key, paddedKeys, width), 1, inner);
    Value transposedKeys =
        b.copy(3, {key, {1, 0, 2}}, {b.empty({width / inner, paddedKeys, inner}, storage), {0, 1, 2}});
    Value products = b.split(multiplyByKeys(query, transposedKeys, rows), 1, kLanes);
    Value shift = b.split(sumsOfZero(transposedKeys), 0, kLanes);
    SmallVector<LinalgBuilder::Operand> inputs{{products, {0, 1, 2}}, {shift, {1, 2}}, factors.score};
    if (head.bias)
      inputs.push_back({b.split(head.bias, 1, kLanes), {0, 1, 2}});
    return b.generic(
        3, inputs, {b.empty({rows, blocks, kLanes}), {0, 1, 2}}, [&](FloatBuilder &a, ValueRange v) -> Value {
          Value score = a.mul(a.toFloat(arith::SubIOp::create(a, v[0], v[1])), v[2]);
          if (head.bias)
            score = a.add(score, v[3]);
          if (paddedKeys == keys)
            return score;
          Value block = linalg::IndexOp::create(a, 1), lane = linalg::IndexOp::create(a, 2);
          Value first = arith::MulIOp::create(a, block, arith::ConstantIndexOp::create(a, kLanes));
          Value exists = keyExists(a, arith::AddIOp::create(a, first, lane), keys);
          return arith::SelectOp::create(a, exists, score, a.constant(std::numeric_limits<float>::lowest()));
        });
  }

  /// exp(score - maximum of the row), quantized: [rows, blocks, kLanes].
  Value weights(Value scores) {
    auto max = [](FloatBuilder &a, ValueRange v) { return a.max(v[0], v[1]); };
    auto maxOfLanes = [](FloatBuilder &a, ValueRange v) { return a.maxNumber(v[0], v[1]); };
    float lowest = std::numeric_limits<float>::lowest();
    Value laneMax = b.generic(3, {{scores, {0, 1, 2}}}, {b.fill({rows, kLanes}, lowest), {0, 2}}, max);
    Value rowMax = b.generic(2, {{laneMax, {0, 1}}}, {b.fill({rows}, lowest), {0}}, maxOfLanes);
    return b.generic(3, {{scores, {0, 1, 2}}, {rowMax, {0}}, factors.inverse},
                     {b.empty({rows, blocks, kLanes}, storage), {0, 1, 2}},
                     [&](FloatBuilder &a, ValueRange v) -> Value {
                       Value weight = a.exp(a.sub(v[0], v[1]));
                       Value level = numerics::quantize(a, weight, v[2], a.constant(0), numerics::kUnsignedLevels);
                       return arith::TruncIOp::create(a, storage, level);
                     });
  }

  /// The sum of the weights of each row: i32 [rows].
  Value sumOf(Value weights) {
    Value laneSum = b.generic(3, {{weights, {0, 1, 2}}}, {b.zeros(i32, {rows, kLanes}), {0, 2}},
                              [&](FloatBuilder &a, ValueRange v) -> Value {
                                return arith::AddIOp::create(a, v[1], arith::ExtUIOp::create(a, i32, v[0]));
                              });
    return b.generic(2, {{laneSum, {0, 1}}}, {b.zeros(i32, {rows}), {0}},
                     [](FloatBuilder &a, ValueRange v) -> Value { return arith::AddIOp::create(a, v[0], v[1]); });
  }

  /// f32(sum weight * value) * factor / f32(sum weight), written to the head's destination.
  Value attend() {
    Value weight = weights(scores());
    int64_t padded = llvm::alignTo(valueWidth, kLanes);
    Value value = b.split(b.split(padTo(b, head.value, paddedKeys, padded), 0, kLanes), 1, inner);
    SmallVector<int64_t> shape{blocks, kLanes / inner, padded, inner};
    Value panels = b.copy(4, {value, {0, 1, 3, 2}}, {b.empty(shape, storage), {0, 1, 2, 3}});
    // Loops: rows, columns, blocks of keys, inner tiles of a block, keys of an inner tile.
    Value mixed = b.integerContraction(5, {b.split(weight, 2, inner), {0, 2, 3, 4}}, {panels, {2, 3, 1, 4}},
                                       {b.zeros(i32, {rows, padded}), {0, 1}});
    mixed = b.firstColumns(mixed, valueWidth);
    return b.generic(2, {{mixed, {0, 1}}, {sumOf(weight), {0}}, factors.value}, {head.destination, {0, 1}},
                     [](FloatBuilder &a, ValueRange v) {
                       Value product = a.mul(a.toFloat(v[0]), v[2]);
                       return a.div(product, a.toFloat(v[1]));
                     });
  }
};

struct IntegerAttentionToLinalg : OpConversionPattern<IntegerAttentionOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(IntegerAttentionOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder outer(rewriter, op.getLoc());
    Value row = tensor::ExpandShapeOp::create(outer, RankedTensorType::get({1, 4}, rewriter.getF32Type()),
                                              adaptor.getFactors(), SmallVector<ReassociationIndices>{{0, 1}});
    Factors factors{outer.column(row, 0), outer.column(row, 1), outer.column(row, 2), outer.column(row, 3)};
    auto attend = [&](LinalgBuilder &b, const Head &head) { return IntegerHead{b, head, factors}.attend(); };
    rewriter.replaceOp(op, forEachHead(outer, op.getHeads(), adaptor.getQuery(), adaptor.getKey(), adaptor.getValue(),
                                       adaptor.getBias(), attend));
    return success();
  }
};

} // namespace

void vitya::detail::populateIntegerAttentionToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<IntegerAttentionToLinalg>(patterns.getContext());
}
