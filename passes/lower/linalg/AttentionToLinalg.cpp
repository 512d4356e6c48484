// Lowers attention to one parallel iteration a head. The keys and values of a head are copied once: the keys are
// transposed, and both are padded to whole blocks of lanes. Scores, softmax and weighted sum are then
// computed a few query rows at a time (vitya-tile-kernels fuses them). The scores of padding start at the lowest finite
// f32, so that their exponentials are zero. The sum of a row's exponentials divides the result instead of the weights.
#include "dialect/VityaOps.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/linalg/AttentionHeads.h"
#include "passes/lower/linalg/VityaToLinalg.h"
#include "llvm/Support/MathExtras.h"
#include <limits>

using namespace mlir;
using namespace vitya;
using namespace vitya::detail;

namespace {

constexpr float kLowest = std::numeric_limits<float>::lowest();

/// The initial scores [rows, padded keys]: zero for the keys, kLowest for padding.
Value initialScores(LinalgBuilder &b, int64_t rows, int64_t keys) {
  int64_t padded = llvm::alignTo(keys, kLanes);
  if (padded == keys)
    return b.fill({rows, keys}, 0);
  return b.generic(2, {}, {b.empty({rows, padded}), {0, 1}}, [&](FloatBuilder &a, ValueRange) -> Value {
    Value key = linalg::IndexOp::create(a, 1), zero = a.constant(0);
    return arith::SelectOp::create(a, keyExists(a, key, keys), zero, a.constant(kLowest));
  });
}

/// key [keys, width] transposed, with zeros for the padding: [width, padded keys].
Value transposeKeys(LinalgBuilder &b, Value key) {
  int64_t keys = b.size(key, 0), width = b.size(key, 1), padded = llvm::alignTo(keys, kLanes);
  OpFoldResult zero = b.getIndexAttr(0);
  Value result = b.empty({width, padded});
  if (padded != keys)
    result = b.insert(b.fill({width, padded - keys}, 0), result, 0, keys);
  // The loop over the keys is the outer one, so that few rows are read at a time.
  Value transposed = b.copy(2, {key, {0, 1}}, {b.slice(result, zero, zero, width, keys), {1, 0}});
  return b.insert(transposed, result, 0, 0);
}

/// softmax(scale query key^T + bias) value for one head, written to the head's destination.
Value attendHead(LinalgBuilder &b, const Head &head, float scale) {
  int64_t rows = b.size(head.query, 0), width = b.size(head.query, 1), valueWidth = b.size(head.value, 1);
  int64_t keys = b.size(head.key, 0), paddedKeys = llvm::alignTo(keys, kLanes), blocks = paddedKeys / kLanes;
  int64_t paddedValueWidth = llvm::alignTo(valueWidth, kLanes);
  Value scaled = b.generic(2, {{head.query, {0, 1}}}, {b.empty({rows, width}), {0, 1}},
                           [&](FloatBuilder &a, ValueRange v) { return a.mul(v[0], a.constant(scale)); });
  Value values = b.split(padTo(b, head.value, paddedKeys, paddedValueWidth), 0, kLanes);

  Value products =
      b.contraction(3, {scaled, {0, 2}}, {transposeKeys(b, head.key), {2, 1}}, {initialScores(b, rows, keys), {0, 1}});
  if (head.bias)
    products = b.generic(2, {{products, {0, 1}}, {head.bias, {0, 1}}}, {b.empty({rows, paddedKeys}), {0, 1}},
                         [](FloatBuilder &a, ValueRange v) { return a.add(v[0], v[1]); });
  Value scores = b.split(products, 1, kLanes);
  auto max = [](FloatBuilder &a, ValueRange v) { return a.max(v[0], v[1]); };
  auto maxOfLanes = [](FloatBuilder &a, ValueRange v) { return a.maxNumber(v[0], v[1]); };
  auto sum = [](FloatBuilder &a, ValueRange v) { return a.add(v[0], v[1]); };
  Value laneMax = b.generic(3, {{scores, {0, 1, 2}}}, {b.fill({rows, kLanes}, kLowest), {0, 2}}, max);
  Value rowMax = b.generic(2, {{laneMax, {0, 1}}}, {b.fill({rows}, kLowest), {0}}, maxOfLanes);
  Value weights = b.generic(3, {{scores, {0, 1, 2}}, {rowMax, {0}}}, {b.empty({rows, blocks, kLanes}), {0, 1, 2}},
                            [](FloatBuilder &a, ValueRange v) { return a.exp(a.sub(v[0], v[1])); });
  Value laneSum = b.generic(3, {{weights, {0, 1, 2}}}, {b.fill({rows, kLanes}, 0), {0, 2}}, sum);
  Value rowSum = b.generic(2, {{laneSum, {0, 1}}}, {b.fill({rows}, 0), {0}}, sum);
  Value mixed =
      b.contraction(4, {weights, {0, 2, 3}}, {values, {2, 3, 1}}, {b.fill({rows, paddedValueWidth}, 0), {0, 1}});
  mixed = b.firstColumns(mixed, valueWidth);
  return b.generic(2, {{mixed, {0, 1}}, {rowSum, {0}}}, {head.destination, {0, 1}},
                   [](FloatBuilder &a, ValueRange v) { return a.div(v[0], v[1]); });
}

struct AttentionToLinalg : OpConversionPattern<AttentionOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(AttentionOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder outer(rewriter, op.getLoc());
    float scale = op.getScale().convertToDouble();
    auto attend = [&](LinalgBuilder &b, const Head &head) { return attendHead(b, head, scale); };
    rewriter.replaceOp(op, forEachHead(outer, op.getHeads(), adaptor.getQuery(), adaptor.getKey(), adaptor.getValue(),
                                       adaptor.getBias(), attend));
    return success();
  }
};

} // namespace

void vitya::detail::populateAttentionToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<AttentionToLinalg>(patterns.getContext());
}
