// Lowers gelu, relu and silu element by element, through math.erf, math.tanh or math.exp, scale_columns and to_bf16.
#include "dialect/VityaOps.h"
#include "dialect/arithmetic/Bf16.h"
#include "dialect/arithmetic/MathFunctions.h"
#include "passes/lower/linalg/LinalgBuilder.h"
#include "passes/lower/linalg/VityaToLinalg.h"

using namespace mlir;
using namespace vitya;
using namespace vitya::detail;

namespace {

struct GeluToLinalg : OpConversionPattern<GeluOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(GeluOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b(rewriter, op.getLoc());
    auto gelu = [&](FloatBuilder &a, ValueRange v) {
      switch (op.getForm()) {
      case GeluForm::erf:
        return numerics::geluErf(a, v[0]);
      case GeluForm::tanh:
        return numerics::geluTanh(a, v[0]);
      case GeluForm::quick:
        return numerics::geluQuick(a, v[0]);
      }
      llvm_unreachable("every form is handled");
    };
    rewriter.replaceOp(op,
                       b.generic(2, {{adaptor.getInput(), {0, 1}}}, {b.empty(op.getType().getShape()), {0, 1}}, gelu));
    return success();
  }
};

/// Lowers an op of one operand to `function` of each element.
template <typename Op, auto function>
struct FunctionToLinalg : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;
  LogicalResult matchAndRewrite(Op op, typename OpConversionPattern<Op>::OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b(rewriter, op.getLoc());
    LinalgBuilder::Operand result{b.empty(op.getType().getShape(), op.getType().getElementType()), {0, 1}};
    rewriter.replaceOp(op, b.generic(2, {{adaptor.getInput(), {0, 1}}}, result,
                                     [](FloatBuilder &a, ValueRange v) { return function(a, v[0]); }));
    return success();
  }
};
using ReluToLinalg = FunctionToLinalg<ReluOp, numerics::rectified<FloatBuilder>>;
using SiluToLinalg = FunctionToLinalg<SiluOp, numerics::sigmoidLinear<FloatBuilder>>;
using Bf16ToLinalg = FunctionToLinalg<ToBf16Op, numerics::toBf16<FloatBuilder>>;

struct ScaleColumnsToLinalg : OpConversionPattern<ScaleColumnsOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ScaleColumnsOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b(rewriter, op.getLoc());
    rewriter.replaceOp(op, b.generic(2, {{adaptor.getInput(), {0, 1}}, {adaptor.getFactors(), {1}}},
                                     {b.empty(op.getType().getShape()), {0, 1}},
                                     [](FloatBuilder &a, ValueRange v) { return a.mul(v[0], v[1]); }));
    return success();
  }
};

} // namespace

void vitya::detail::populateElementwiseToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<GeluToLinalg, ReluToLinalg, SiluToLinalg, Bf16ToLinalg, ScaleColumnsToLinalg>(patterns.getContext());
}
