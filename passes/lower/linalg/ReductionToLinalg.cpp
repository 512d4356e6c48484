// layer_norm and mean_pool. A row is cut into groups of lanes; sums run lane by lane, then across the lanes.
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/linalg/LinalgBuilder.h"
#include "passes/lower/linalg/VityaToLinalg.h"

using namespace mlir;
using namespace vitya;
using vitya::detail::LinalgBuilder;

namespace {

Value add(OpBuilder &builder, Location loc, Value a, Value b) { return arith::AddFOp::create(builder, loc, a, b); }

struct LayerNormToLinalg : OpConversionPattern<LayerNormOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LayerNormOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b{rewriter, op.getLoc()};
    int64_t rows = op.getType().getDimSize(0), width = op.getType().getDimSize(1), lanes = lanesOf(width);
    Value x = b.split(adaptor.getInput(), 1, lanes);
    Value weight = b.split(adaptor.getWeight(), 0, lanes), bias = b.split(adaptor.getBias(), 0, lanes);

    auto across = [&](Value partial) {
      return b.generic(2, {{partial, {0, 1}}}, {b.fill({rows}, 0), {0}},
                       [](OpBuilder &nested, Location loc, ValueRange v) { return add(nested, loc, v[0], v[1]); });
    };
    auto perRow = [&](Value sum, auto body) { return b.generic(1, {{sum, {0}}}, {b.empty({rows}), {0}}, body); };

    Value sums = b.generic(3, {{x, {0, 1, 2}}}, {b.fill({rows, lanes}, 0), {0, 2}},
                           [](OpBuilder &nested, Location loc, ValueRange v) { return add(nested, loc, v[0], v[1]); });
    Value mean = perRow(across(sums), [&](OpBuilder &nested, Location loc, ValueRange v) -> Value {
      Value count = arith::ConstantOp::create(nested, loc, nested.getF32FloatAttr(width));
      return arith::DivFOp::create(nested, loc, v[0], count);
    });
    Value squares = b.generic(3, {{x, {0, 1, 2}}, {mean, {0}}}, {b.fill({rows, lanes}, 0), {0, 2}},
                              [](OpBuilder &nested, Location loc, ValueRange v) {
                                Value centred = arith::SubFOp::create(nested, loc, v[0], v[1]);
                                return add(nested, loc, arith::MulFOp::create(nested, loc, centred, centred), v[2]);
                              });
    float eps = op.getEps().convertToDouble();
    Value scale = perRow(across(squares), [&](OpBuilder &nested, Location loc, ValueRange v) -> Value {
      auto constant = [&](float value) -> Value {
        return arith::ConstantOp::create(nested, loc, nested.getF32FloatAttr(value));
      };
      Value variance = arith::DivFOp::create(nested, loc, v[0], constant(width));
      Value deviation = math::SqrtOp::create(nested, loc, add(nested, loc, variance, constant(eps)));
      return arith::DivFOp::create(nested, loc, constant(1), deviation);
    });
    Value result = b.generic(3, {{x, {0, 1, 2}}, {mean, {0}}, {scale, {0}}, {weight, {1, 2}}, {bias, {1, 2}}},
                             {b.empty({rows, width / lanes, lanes}), {0, 1, 2}},
                             [](OpBuilder &nested, Location loc, ValueRange v) {
                               Value centred = arith::SubFOp::create(nested, loc, v[0], v[1]);
                               Value normal = arith::MulFOp::create(nested, loc, centred, v[2]);
                               return add(nested, loc, arith::MulFOp::create(nested, loc, normal, v[3]), v[4]);
                             });
    rewriter.replaceOp(op, b.merge(result, 1));
    return success();
  }
};

struct MeanPoolToLinalg : OpConversionPattern<MeanPoolOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MeanPoolOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b{rewriter, op.getLoc()};
    int64_t rows = op.getInput().getType().getDimSize(0), width = op.getType().getDimSize(1), lanes = lanesOf(width);
    Value x = b.split(adaptor.getInput(), 1, lanes);
    Value sum = b.generic(3, {{x, {2, 0, 1}}}, {b.fill({width / lanes, lanes}, 0), {0, 1}},
                          [](OpBuilder &nested, Location loc, ValueRange v) { return add(nested, loc, v[0], v[1]); });
    Value mean = b.generic(2, {{sum, {0, 1}}}, {b.empty({width / lanes, lanes}), {0, 1}},
                           [&](OpBuilder &nested, Location loc, ValueRange v) -> Value {
                             Value count = arith::ConstantOp::create(nested, loc, nested.getF32FloatAttr(rows));
                             return arith::DivFOp::create(nested, loc, v[0], count);
                           });
    Value row = tensor::ExpandShapeOp::create(rewriter, op.getLoc(),
                                              RankedTensorType::get({1, width / lanes, lanes}, rewriter.getF32Type()),
                                              mean, SmallVector<ReassociationIndices>{{0, 1}, {2}});
    rewriter.replaceOp(op, b.merge(row, 1));
    return success();
  }
};

} // namespace

void vitya::detail::populateReductionToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LayerNormToLinalg, MeanPoolToLinalg>(patterns.getContext());
}
