// gelu: element by element, through math.erf or math.tanh.
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/lower/linalg/LinalgBuilder.h"
#include "passes/lower/linalg/VityaToLinalg.h"

using namespace mlir;
using namespace vitya;
using vitya::detail::LinalgBuilder;

namespace {

struct GeluToLinalg : OpConversionPattern<GeluOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(GeluOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b{rewriter, op.getLoc()};
    ArrayRef<int64_t> shape = op.getType().getShape();
    rewriter.replaceOp(op, b.generic(2, {{adaptor.getInput(), {0, 1}}}, {b.empty(shape), {0, 1}},
                                     [&](OpBuilder &nested, Location loc, ValueRange v) {
                                       return gelu(nested, loc, v[0], op.getForm());
                                     }));
    return success();
  }

  static Value gelu(OpBuilder &builder, Location loc, Value x, GeluForm form) {
    auto constant = [&](float value) -> Value {
      return arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(value));
    };
    auto times = [&](Value a, Value b) -> Value { return arith::MulFOp::create(builder, loc, a, b); };
    auto plus = [&](Value a, Value b) -> Value { return arith::AddFOp::create(builder, loc, a, b); };
    Value bell;
    if (form == GeluForm::erf) {
      bell = math::ErfOp::create(builder, loc, times(x, constant(0.70710678118654752f))); // sqrt(1/2)
    } else {
      Value cubic = times(times(constant(0.044715f), x), times(x, x));
      bell = math::TanhOp::create(builder, loc, times(constant(0.79788456080286536f), plus(x, cubic))); // sqrt(2/pi)
    }
    return times(times(x, constant(0.5f)), plus(bell, constant(1.0f)));
  }
};

} // namespace

void vitya::detail::populateElementwiseToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<GeluToLinalg>(patterns.getContext());
}
