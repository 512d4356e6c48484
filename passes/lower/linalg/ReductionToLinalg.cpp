// Lowers layer_norm, rms_norm and mean_pool. A row is cut into blocks of lanes; sums run lane by lane, then across the
// lanes.
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

/// Builds the steps of a norm of the rows of `x` [rows, blocks, lanes].
struct NormBuilder {
  NormBuilder(ConversionPatternRewriter &rewriter, Location loc, RankedTensorType type)
      : b(rewriter, loc), rows(type.getDimSize(0)), width(type.getDimSize(1)), lanes(lanesOf(width)) {}

  Value splitRows(Value input) { return b.split(input, 1, lanes); }
  Value splitVector(Value vector) { return b.split(vector, 0, lanes); }

  /// A function of the sum over a row, whose partial sums in each lane `body` adds up.
  Value reduce(ArrayRef<LinalgBuilder::Operand> inputs, LinalgBuilder::Body body, LinalgBuilder::Body ofSum) {
    Value partial = b.generic(3, inputs, {b.fill({rows, lanes}, 0), {0, 2}}, body);
    Value sums = b.generic(2, {{partial, {0, 1}}}, {b.fill({rows}, 0), {0}}, sum);
    return b.generic(1, {{sums, {0}}}, {b.empty({rows}), {0}}, ofSum);
  }

  /// The factors of the rows, whose squares are those of `body`.
  Value factors(ArrayRef<LinalgBuilder::Operand> inputs, LinalgBuilder::Body body, const llvm::APFloat &eps) {
    return reduce(inputs, body, [&](FloatBuilder &a, ValueRange v) {
      return numerics::normFactor(a, v[0], width, eps.convertToDouble());
    });
  }

  Value elements(ArrayRef<LinalgBuilder::Operand> inputs, LinalgBuilder::Body body) {
    return b.merge(b.generic(3, inputs, {b.empty({rows, width / lanes, lanes}), {0, 1, 2}}, body), 1);
  }

  LinalgBuilder b;
  int64_t rows, width, lanes;
};

struct LayerNormToLinalg : OpConversionPattern<LayerNormOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LayerNormOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    NormBuilder n(rewriter, op.getLoc(), op.getType());
    Value x = n.splitRows(adaptor.getInput());
    Value weight = n.splitVector(adaptor.getWeight()), bias = n.splitVector(adaptor.getBias());
    Value mean = n.reduce({{x, {0, 1, 2}}}, sum,
                          [&](FloatBuilder &a, ValueRange v) { return a.div(v[0], a.constant(n.width)); });
    Value factor = n.factors(
        {{x, {0, 1, 2}}, {mean, {0}}},
        [](FloatBuilder &a, ValueRange v) {
          Value centred = a.sub(v[0], v[1]);
          return a.add(a.mul(centred, centred), v[2]);
        },
        op.getEps());
    rewriter.replaceOp(op, n.elements({{x, {0, 1, 2}}, {mean, {0}}, {factor, {0}}, {weight, {1, 2}}, {bias, {1, 2}}},
                                      [](FloatBuilder &a, ValueRange v) {
                                        return numerics::layerNormElement(a, v[0], v[1], v[2], v[3], v[4]);
                                      }));
    return success();
  }
};

struct RmsNormToLinalg : OpConversionPattern<RmsNormOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(RmsNormOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    NormBuilder n(rewriter, op.getLoc(), op.getType());
    Value x = n.splitRows(adaptor.getInput()), weight = n.splitVector(adaptor.getWeight());
    Value factor = n.factors(
        {{x, {0, 1, 2}}}, [](FloatBuilder &a, ValueRange v) { return a.add(a.mul(v[0], v[0]), v[1]); }, op.getEps());
    rewriter.replaceOp(op, n.elements({{x, {0, 1, 2}}, {factor, {0}}, {weight, {1, 2}}},
                                      [](FloatBuilder &a, ValueRange v) { return a.mul(a.mul(v[0], v[1]), v[2]); }));
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
  patterns.add<LayerNormToLinalg, RmsNormToLinalg, MeanPoolToLinalg>(patterns.getContext());
}
