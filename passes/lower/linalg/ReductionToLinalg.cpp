// Lowers layer_norm and mean_pool. A row is cut into blocks of lanes; sums run lane by lane, then across the lanes.
#include "dialect/VityaOps.h"
#include "dialect/arithmetic/MathFunctions.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/linalg/LinalgBuilder.h"
#include "passes/lower/linalg/VityaToLinalg.h"

using namespace mlir;
using namespace vitya;
using namespace vitya::detail;

namespace {

Value sum(FloatBuilder &a, ValueRange v) { return a.add(v[0], v[1]); }

struct LayerNormToLinalg : OpConversionPattern<LayerNormOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LayerNormOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b(rewriter, op.getLoc());
    int64_t rows = op.getType().getDimSize(0), width = op.getType().getDimSize(1), lanes = lanesOf(width);
    Value x = b.split(adaptor.getInput(), 1, lanes);
    Value weight = b.split(adaptor.getWeight(), 0, lanes), bias = b.split(adaptor.getBias(), 0, lanes);

    auto acrossLanes = [&](Value partial) { return b.generic(2, {{partial, {0, 1}}}, {b.fill({rows}, 0), {0}}, sum); };
    auto perRow = [&](Value sums, LinalgBuilder::Body body) {
      return b.generic(1, {{sums, {0}}}, {b.empty({rows}), {0}}, body);
    };
    Value sums = b.generic(3, {{x, {0, 1, 2}}}, {b.fill({rows, lanes}, 0), {0, 2}}, sum);
    Value mean =
        perRow(acrossLanes(sums), [&](FloatBuilder &a, ValueRange v) { return a.div(v[0], a.constant(width)); });
    Value squares = b.generic(3, {{x, {0, 1, 2}}, {mean, {0}}}, {b.fill({rows, lanes}, 0), {0, 2}},
                              [](FloatBuilder &a, ValueRange v) {
                                Value centred = a.sub(v[0], v[1]);
                                return a.add(a.mul(centred, centred), v[2]);
                              });
    float eps = op.getEps().convertToDouble();
    Value factor = perRow(acrossLanes(squares), [&](FloatBuilder &a, ValueRange v) {
      return numerics::layerNormFactor(a, v[0], width, eps);
    });
    Value result = b.generic(3, {{x, {0, 1, 2}}, {mean, {0}}, {factor, {0}}, {weight, {1, 2}}, {bias, {1, 2}}},
                             {b.empty({rows, width / lanes, lanes}), {0, 1, 2}}, [](FloatBuilder &a, ValueRange v) {
                               return numerics::layerNormElement(a, v[0], v[1], v[2], v[3], v[4]);
                             });
    rewriter.replaceOp(op, b.merge(result, 1));
    return success();
  }
};

struct MeanPoolToLinalg : OpConversionPattern<MeanPoolOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MeanPoolOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b(rewriter, op.getLoc());
    int64_t rows = op.getInput().getType().getDimSize(0), width = op.getType().getDimSize(1), lanes = lanesOf(width);
    Value x = b.split(adaptor.getInput(), 1, lanes);
    Value sums = b.generic(3, {{x, {2, 0, 1}}}, {b.fill({width / lanes, lanes}, 0), {0, 1}}, sum);
    Value mean = b.generic(2, {{sums, {0, 1}}}, {b.empty({width / lanes, lanes}), {0, 1}},
                           [&](FloatBuilder &a, ValueRange v) { return a.div(v[0], a.constant(rows)); });
    Value row = tensor::ExpandShapeOp::create(b, RankedTensorType::get({1, width / lanes, lanes}, b.getF32Type()), mean,
                                              SmallVector<ReassociationIndices>{{0, 1}, {2}});
    rewriter.replaceOp(op, b.merge(row, 1));
    return success();
  }
};

} // namespace

void vitya::detail::populateReductionToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LayerNormToLinalg, MeanPoolToLinalg>(patterns.getContext());
}
