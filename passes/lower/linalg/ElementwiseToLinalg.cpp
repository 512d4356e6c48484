// Lowers gelu, relu and silu element by element, through math.erf, math.tanh or math.exp, scale_columns, to_bf16 and
// rotary_embedding.
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

struct RotaryEmbeddingToLinalg : OpConversionPattern<RotaryEmbeddingOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(RotaryEmbeddingOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b(rewriter, op.getLoc());
    int64_t rows = op.getType().getDimSize(0), heads = op.getHeads(), pairs = op.getPairs();
    bool interleaved = op.getInterleaved();
    // [rows, heads, 2, pairs], or with the last two dimensions exchanged.
    Value x = b.split(b.split(adaptor.getInput(), 1, 2 * pairs), 2, interleaved ? 2 : pairs);
    SmallVector<OpFoldResult> strides(4, b.getIndexAttr(1));
    SmallVector<OpFoldResult> sizes =
        getAsIndexOpFoldResult(b.getContext(), interleaved ? ArrayRef({rows, heads, pairs, int64_t(1)})
                                                           : ArrayRef({rows, heads, int64_t(1), pairs}));
    auto offsets = [&](int64_t half) {
      SmallVector<OpFoldResult> result(4, b.getIndexAttr(0));
      result[interleaved ? 3 : 2] = b.getIndexAttr(half);
      return result;
    };
    auto reduced = RankedTensorType::get({rows, heads, pairs}, b.getF32Type());
    auto half = [&](int64_t index) -> LinalgBuilder::Operand {
      return {tensor::ExtractSliceOp::create(b, reduced, x, offsets(index), sizes, strides), {0, 1, 2}};
    };
    auto angles = [&](Value of) -> LinalgBuilder::Operand {
      if (b.size(of, 1) == pairs)
        return {of, {0, 2}};
      return {b.split(of, 1, pairs), {0, 1, 2}};
    };
    LinalgBuilder::Operand first = half(0), second = half(1), cos = angles(adaptor.getCos()),
                           sin = angles(adaptor.getSin()), init{b.empty(reduced.getShape()), {0, 1, 2}};
    Value rotated[] = {
        b.generic(3, {first, second, cos, sin}, init,
                  [](FloatBuilder &a, ValueRange v) { return a.sub(a.mul(v[0], v[2]), a.mul(v[1], v[3])); }),
        b.generic(3, {first, second, cos, sin}, init,
                  [](FloatBuilder &a, ValueRange v) { return a.add(a.mul(v[1], v[2]), a.mul(v[0], v[3])); })};
    Value result = b.empty(b.type(x).getShape());
    for (auto [index, each] : llvm::enumerate(rotated))
      result = tensor::InsertSliceOp::create(b, each, result, offsets(index), sizes, strides);
    rewriter.replaceOp(op, b.merge(b.merge(result, 2), 1));
    return success();
  }
};

} // namespace

void vitya::detail::populateElementwiseToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<GeluToLinalg, ReluToLinalg, SiluToLinalg, Bf16ToLinalg, ScaleColumnsToLinalg, RotaryEmbeddingToLinalg>(
      patterns.getContext());
}
