// Lowers linear: a matmul by the transposed weight, then the bias.
#include "dialect/VityaOps.h"
#include "passes/lower/linalg/LinalgBuilder.h"
#include "passes/lower/linalg/VityaToLinalg.h"

using namespace mlir;
using namespace vitya;
using namespace vitya::detail;

namespace {

struct LinearToLinalg : OpConversionPattern<LinearOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LinearOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b(rewriter, op.getLoc());
    ArrayRef<int64_t> shape = op.getType().getShape();
    Value result = linalg::MatmulTransposeBOp::create(rewriter, op.getLoc(), op.getType(),
                                                      ValueRange{adaptor.getInput(), adaptor.getWeight()},
                                                      ValueRange{b.fill(shape, 0)})
                       .getResult(0);
    if (adaptor.getBias())
      result = b.generic(2, {{result, {0, 1}}, {adaptor.getBias(), {1}}}, {b.empty(shape), {0, 1}},
                         [](FloatBuilder &a, ValueRange v) { return a.add(v[0], v[1]); });
    rewriter.replaceOp(op, result);
    return success();
  }
};

} // namespace

void vitya::detail::populateLinearToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LinearToLinalg>(patterns.getContext());
}
