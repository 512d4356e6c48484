// Expands math.exp, erf and tanh to the functions of dialect/arithmetic/MathFunctions.h, on scalars or vectors.
#include "passes/lower/loops/ElementaryFunctions.h"
#include "dialect/arithmetic/MathFunctions.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/IR/TypeUtilities.h"
#include "passes/lower/linalg/FloatBuilder.h"

using namespace mlir;
using namespace vitya;
using vitya::detail::FloatBuilder;

namespace {

template <typename Op, Value (*function)(FloatBuilder &, Value)>
struct Expand : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "expected f32");
    FloatBuilder a(rewriter, op.getLoc(), op.getType());
    rewriter.replaceOp(op, function(a, op.getOperand()));
    return success();
  }
};

} // namespace

void vitya::populateElementaryFunctionPatterns(RewritePatternSet &patterns) {
  // roundeven is left alone: it is a single instruction.
  auto filter = [](StringRef name) { return name != math::RoundEvenOp::getOperationName(); };
  patterns.add<Expand<math::ExpOp, numerics::exponential<FloatBuilder>>,
               Expand<math::ErfOp, numerics::errorFunction<FloatBuilder>>,
               Expand<math::TanhOp, numerics::hyperbolicTangent<FloatBuilder>>>(patterns.getContext(), /*benefit=*/10);
  populateMathF32ExpansionPatterns(patterns, filter);
  populateMathPolynomialApproximationPatterns(patterns, filter);
}
