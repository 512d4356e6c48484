// attention: one parallel iteration a head. Keys and values of a head are copied once into panels that fit the cache,
// padded to whole groups of lanes; then scores, softmax and weighted sum follow each other on a few query rows at a
// time (vitya-tile-kernels fuses them). The scores of padding start at the most negative finite number, so that their
// exponential is zero. The sum of a row of the softmax divides the result instead of the weights.
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/LinalgBuilder.h"
#include "passes/lower/VityaToLinalg.h"
#include "llvm/Support/MathExtras.h"
#include <limits>

using namespace mlir;
using namespace vitya;
using vitya::detail::LinalgBuilder;

namespace {

/// [rows, width] with zero rows appended up to a multiple of kLanes, as [groups, kLanes, width].
Value padRows(const LinalgBuilder &b, Value matrix) {
  int64_t rows = b.size(matrix, 0), width = b.size(matrix, 1), padded = llvm::alignTo(rows, kLanes);
  if (padded != rows) {
    auto insert = [&](Value part, Value whole, int64_t row) -> Value {
      SmallVector<OpFoldResult> offsets{b.builder.getIndexAttr(row), b.builder.getIndexAttr(0)};
      SmallVector<OpFoldResult> sizes{b.builder.getIndexAttr(b.size(part, 0)), b.builder.getIndexAttr(width)};
      SmallVector<OpFoldResult> strides(2, b.builder.getIndexAttr(1));
      return tensor::InsertSliceOp::create(b.builder, b.loc, part, whole, offsets, sizes, strides);
    };
    Value zeros = insert(b.fill({padded - rows, width}, 0), b.empty({padded, width}), rows);
    matrix = insert(matrix, zeros, 0);
  }
  return b.split(matrix, 0, kLanes);
}

/// Zero where a key exists, else the most negative number: the initial scores [rows, groups, kLanes].
Value initialScores(const LinalgBuilder &b, int64_t rows, int64_t keys) {
  int64_t groups = llvm::divideCeil(keys, kLanes);
  if (groups * kLanes == keys)
    return b.fill({rows, groups, kLanes}, 0);
  return b.generic(
      3, {}, {b.empty({rows, groups, kLanes}), {0, 1, 2}}, [&](OpBuilder &nested, Location loc, ValueRange) -> Value {
        Value group = linalg::IndexOp::create(nested, loc, 1), lane = linalg::IndexOp::create(nested, loc, 2);
        Value lanes = arith::ConstantIndexOp::create(nested, loc, kLanes);
        Value key = arith::AddIOp::create(nested, loc, arith::MulIOp::create(nested, loc, group, lanes), lane);
        Value exists = arith::CmpIOp::create(nested, loc, arith::CmpIPredicate::ult, key,
                                             arith::ConstantIndexOp::create(nested, loc, keys));
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
    LinalgBuilder outer{rewriter, op.getLoc()};
    int64_t heads = op.getHeads(), rows = op.getType().getDimSize(0), keys = op.getKey().getType().getDimSize(0);
    int64_t width = op.getQuery().getType().getDimSize(1) / heads, valueWidth = op.getType().getDimSize(1) / heads;
    float scale = op.getScale().convertToDouble();
    auto forall = scf::ForallOp::create(
        rewriter, op.getLoc(), SmallVector<OpFoldResult>{rewriter.getIndexAttr(heads)},
        ValueRange{outer.empty(op.getType().getShape())}, /*mapping=*/std::nullopt,
        [&](OpBuilder &nested, Location loc, ValueRange arguments) {
          LinalgBuilder b{nested, loc};
          OpFoldResult zero = nested.getIndexAttr(0);
          auto column = [&](int64_t headWidth) -> Value {
            return arith::MulIOp::create(nested, loc, arguments[0],
                                         arith::ConstantIndexOp::create(nested, loc, headWidth));
          };
          Value start = column(width), valueStart = column(valueWidth);
          Value result = attendHead(b, b.slice(adaptor.getQuery(), zero, start, rows, width),
                                    b.slice(adaptor.getKey(), zero, start, keys, width),
                                    b.slice(adaptor.getValue(), zero, valueStart, keys, valueWidth), scale,
                                    b.slice(arguments[1], zero, valueStart, rows, valueWidth));
          auto parallel = scf::InParallelOp::create(nested, loc);
          OpBuilder::InsertionGuard guard(nested);
          nested.setInsertionPointToStart(parallel.getBody());
          SmallVector<OpFoldResult> offsets{zero, valueStart}, strides(2, nested.getIndexAttr(1));
          SmallVector<OpFoldResult> sizes{nested.getIndexAttr(rows), nested.getIndexAttr(valueWidth)};
          tensor::ParallelInsertSliceOp::create(nested, loc, result, arguments[1], offsets, sizes, strides);
        });
    rewriter.replaceOp(op, forall);
    return success();
  }
};

} // namespace

void vitya::detail::populateAttentionToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<AttentionToLinalg>(patterns.getContext());
}
