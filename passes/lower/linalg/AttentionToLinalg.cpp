// attention: one parallel iteration a head. Keys and values of a head are copied once into panels that fit the cache,
// padded to whole groups of lanes; then scores, softmax and weighted sum follow each other on a few query rows at a
// time (vitya-tile-kernels fuses them). The scores of padding start at the most negative finite number, so that their
// exponential is zero. The sum of a row of the softmax divides the result instead of the weights.
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/lower/linalg/AttentionHeads.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/linalg/LinalgBuilder.h"
#include "passes/lower/linalg/VityaToLinalg.h"
#include "llvm/Support/MathExtras.h"
#include <limits>

using namespace mlir;
using namespace vitya;
using namespace vitya::detail;

namespace {

/// [rows, width] with zero rows appended up to a multiple of kLanes, as [groups, kLanes, width].
Value padRows(const LinalgBuilder &b, Value matrix) {
  return b.split(padTo(b, matrix, llvm::alignTo(b.size(matrix, 0), kLanes), b.size(matrix, 1)), 0, kLanes);
}

/// Zero where a key exists, else the most negative number: the initial scores [rows, groups, kLanes].
Value initialScores(const LinalgBuilder &b, int64_t rows, int64_t keys) {
  int64_t groups = llvm::divideCeil(keys, kLanes);
  if (groups * kLanes == keys)
    return b.fill({rows, groups, kLanes}, 0);
  return b.generic(3, {}, {b.empty({rows, groups, kLanes}), {0, 1, 2}},
                   [&](OpBuilder &nested, Location loc, ValueRange) -> Value {
                     Value exists = keyExists(nested, loc, keys);
                     auto constant = [&](float value) -> Value {
                       return arith::ConstantOp::create(nested, loc, nested.getF32FloatAttr(value));
                     };
                     return arith::SelectOp::create(nested, loc, exists, constant(0),
                                                    constant(std::numeric_limits<float>::lowest()));
                   });
}

/// softmax(query key^T) value for one head: [rows, dk], [keys, dk], [keys, dv] into `destination` of [rows, dv].
Value attendHead(const LinalgBuilder &b, Value query, Value key, Value value, float scale, Value destination) {
  int64_t rows = b.size(query, 0), width = b.size(query, 1), valueWidth = b.size(value, 1), keys = b.size(key, 0);
  int64_t groups = llvm::divideCeil(keys, kLanes);
  auto copy = [](OpBuilder &, Location, ValueRange v) { return v[0]; };
  Value scaled = b.generic(2, {{query, {0, 1}}}, {b.empty({rows, width}), {0, 1}},
                           [&](OpBuilder &nested, Location loc, ValueRange v) -> Value {
                             Value factor = arith::ConstantOp::create(nested, loc, nested.getF32FloatAttr(scale));
                             return arith::MulFOp::create(nested, loc, v[0], factor);
                           });
  Value keyPanels = b.generic(3, {{padRows(b, key), {0, 2, 1}}}, {b.empty({groups, width, kLanes}), {0, 1, 2}}, copy);
  Value valuePanels = padRows(b, value);

  Value scores = b.contraction(4, {scaled, {0, 3}}, {keyPanels, {1, 3, 2}}, {initialScores(b, rows, keys), {0, 1, 2}});
  auto max = [](OpBuilder &nested, Location loc, ValueRange v) -> Value {
    return arith::MaxNumFOp::create(nested, loc, v[0], v[1]);
  };
  auto sum = [](OpBuilder &nested, Location loc, ValueRange v) -> Value {
    return arith::AddFOp::create(nested, loc, v[0], v[1]);
  };
  float lowest = std::numeric_limits<float>::lowest();
  Value laneMax = b.generic(3, {{scores, {0, 1, 2}}}, {b.fill({rows, kLanes}, lowest), {0, 2}}, max);
  Value rowMax = b.generic(2, {{laneMax, {0, 1}}}, {b.fill({rows}, lowest), {0}}, max);
  Value weights = b.generic(3, {{scores, {0, 1, 2}}, {rowMax, {0}}}, {b.empty({rows, groups, kLanes}), {0, 1, 2}},
                            [](OpBuilder &nested, Location loc, ValueRange v) -> Value {
                              Value shifted = arith::SubFOp::create(nested, loc, v[0], v[1]);
                              return math::ExpOp::create(nested, loc, shifted);
                            });
  Value laneSum = b.generic(3, {{weights, {0, 1, 2}}}, {b.fill({rows, kLanes}, 0), {0, 2}}, sum);
  Value rowSum = b.generic(2, {{laneSum, {0, 1}}}, {b.fill({rows}, 0), {0}}, sum);
  Value mixed =
      b.contraction(4, {weights, {0, 2, 3}}, {valuePanels, {2, 3, 1}}, {b.fill({rows, valueWidth}, 0), {0, 1}});
  return b.generic(2, {{mixed, {0, 1}}, {rowSum, {0}}}, {destination, {0, 1}},
                   [](OpBuilder &nested, Location loc, ValueRange v) -> Value {
                     return arith::DivFOp::create(nested, loc, v[0], v[1]);
                   });
}

struct AttentionToLinalg : OpConversionPattern<AttentionOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(AttentionOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    float scale = op.getScale().convertToDouble();
    rewriter.replaceOp(op, forEachHead(rewriter, op.getLoc(), op.getHeads(), adaptor.getQuery(), adaptor.getKey(),
                                       adaptor.getValue(), [&](const LinalgBuilder &b, const Head &head) {
                                         return attendHead(b, head.query, head.key, head.value, scale,
                                                           head.destination);
                                       }));
    return success();
  }
};

} // namespace

void vitya::detail::populateAttentionToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<AttentionToLinalg>(patterns.getContext());
}
