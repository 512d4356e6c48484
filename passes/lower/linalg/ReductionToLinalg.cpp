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

/// Builds the steps of a norm of the rows of `x` [rows, width].
struct NormBuilder {
  NormBuilder(ConversionPatternRewriter &rewriter, Location loc, Value x)
      : b(rewriter, loc), x(x), rows(b.size(x, 0)), width(b.size(x, 1)) {}

  /// A function of the sum over a row. `body` adds an element of x to the sum of its lane; between the two, it gets the
  /// values of the row in `perRow`.
  Value reduce(ArrayRef<LinalgBuilder::Operand> perRow, LinalgBuilder::Body body, LinalgBuilder::Body ofSum) {
    Value sums = b.fill({rows}, 0);
    for (Value part : b.splitToLanes(x)) {
      SmallVector<LinalgBuilder::Operand> inputs{{part, {0, 1, 2}}};
      llvm::append_range(inputs, perRow);
      Value partial = b.generic(3, inputs, {b.fill({rows, b.size(part, 2)}, 0), {0, 2}}, body);
      sums = b.generic(2, {{partial, {0, 1}}}, {sums, {0}}, sum);
    }
    return b.generic(1, {{sums, {0}}}, {b.empty({rows}), {0}}, ofSum);
  }

  /// The factors of the rows, whose squares are those of `body`.
  Value factors(ArrayRef<LinalgBuilder::Operand> perRow, LinalgBuilder::Body body, const llvm::APFloat &eps) {
    return reduce(perRow, body, [&](FloatBuilder &a, ValueRange v) {
      return numerics::normFactor(a, v[0], width, eps.convertToDouble());
    });
  }

  /// A function of the elements of x and of those of `others`.
  Value elements(ArrayRef<LinalgBuilder::Operand> others, LinalgBuilder::Body body) {
    SmallVector<LinalgBuilder::Operand> inputs{{x, {0, 1}}};
    llvm::append_range(inputs, others);
    return b.generic(2, inputs, {b.empty({rows, width}), {0, 1}}, body);
  }

  LinalgBuilder b;
  Value x;
  int64_t rows, width;
};

struct LayerNormToLinalg : OpConversionPattern<LayerNormOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LayerNormOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    NormBuilder n(rewriter, op.getLoc(), adaptor.getInput());
    Value mean = n.reduce({}, sum, [&](FloatBuilder &a, ValueRange v) { return a.div(v[0], a.constant(n.width)); });
    Value factor = n.factors(
        {{mean, {0}}},
        [](FloatBuilder &a, ValueRange v) {
          Value centred = a.sub(v[0], v[1]);
          return a.add(a.mul(centred, centred), v[2]);
        },
        op.getEps());
    rewriter.replaceOp(op,
                       n.elements({{mean, {0}}, {factor, {0}}, {adaptor.getWeight(), {1}}, {adaptor.getBias(), {1}}},
                                  [](FloatBuilder &a, ValueRange v) {
                                    return numerics::layerNormElement(a, v[0], v[1], v[2], v[3], v[4]);
                                  }));
    return success();
  }
};

struct RmsNormToLinalg : OpConversionPattern<RmsNormOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(RmsNormOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    NormBuilder n(rewriter, op.getLoc(), adaptor.getInput());
    Value factor =
        n.factors({}, [](FloatBuilder &a, ValueRange v) { return a.add(a.mul(v[0], v[0]), v[1]); }, op.getEps());
    rewriter.replaceOp(op, n.elements({{factor, {0}}, {adaptor.getWeight(), {1}}},
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
