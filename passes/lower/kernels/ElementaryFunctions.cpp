// Expands exp, erf and tanh by the formulas of dialect/Elementary.h, as ops on scalars or vectors.
#include "passes/lower/kernels/ElementaryFunctions.h"
#include "dialect/Elementary.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"

using namespace mlir;
using namespace vitya;

namespace {

struct OpArithmetic {
  OpBuilder &builder;
  Location loc;
  Type type; ///< f32 or a vector of it

  TypedAttr splat(TypedAttr value) const {
    auto vector = dyn_cast<VectorType>(type);
    return vector ? DenseElementsAttr::get(vector.clone(value.getType()), value) : value;
  }
  Value constant(float value) const {
    return arith::ConstantOp::create(builder, loc, splat(builder.getF32FloatAttr(value)));
  }
  Value minus(Value a, Value b) const { return arith::SubFOp::create(builder, loc, a, b); }
  Value times(Value a, Value b) const { return arith::MulFOp::create(builder, loc, a, b); }
  Value over(Value a, Value b) const { return arith::DivFOp::create(builder, loc, a, b); }
  Value fma(Value a, Value b, Value c) const { return math::FmaOp::create(builder, loc, a, b, c); }
  Value less(Value a, Value b) const { return select(arith::CmpFPredicate::OLT, a, b); }
  Value greater(Value a, Value b) const { return select(arith::CmpFPredicate::OGT, a, b); }
  Value select(arith::CmpFPredicate predicate, Value a, Value b) const {
    Value isFirst = arith::CmpFOp::create(builder, loc, predicate, a, b);
    return arith::SelectOp::create(builder, loc, isFirst, a, b);
  }
  Value exponentOf(Value value) const {
    Type integer = builder.getI32Type();
    if (auto vector = dyn_cast<VectorType>(type))
      integer = vector.clone(integer);
    Value bits = arith::BitcastOp::create(builder, loc, integer, value);
    Value places = arith::ConstantOp::create(builder, loc, splat(builder.getI32IntegerAttr(23)));
    return arith::BitcastOp::create(builder, loc, type, arith::ShLIOp::create(builder, loc, bits, places));
  }
};

template <typename Op, Value (*function)(const OpArithmetic &, Value)>
struct Expand : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "expected f32");
    rewriter.replaceOp(op, function({rewriter, op.getLoc(), op.getType()}, op.getOperand()));
    return success();
  }
};

} // namespace

void vitya::populateElementaryFunctionPatterns(RewritePatternSet &patterns) {
  // roundeven is left alone: it is a single instruction.
  auto others = [](StringRef name) { return name != math::RoundEvenOp::getOperationName(); };
  patterns.add<Expand<math::ExpOp, exponential<OpArithmetic, Value>>,
               Expand<math::ErfOp, errorFunction<OpArithmetic, Value>>,
               Expand<math::TanhOp, hyperbolicTangent<OpArithmetic, Value>>>(patterns.getContext(), /*benefit=*/10);
  populateMathF32ExpansionPatterns(patterns, others);
  populateMathPolynomialApproximationPatterns(patterns, others);
}
