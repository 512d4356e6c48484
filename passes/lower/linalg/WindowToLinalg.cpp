// Lowers unfold and max_pool, which read windows of pixels. Only linalg.generic with strided maps can express them, on
// a copy of the input that has the padding around it.
#include "dialect/VityaOps.h"
#include "passes/lower/linalg/LinalgBuilder.h"
#include "passes/lower/linalg/VityaToLinalg.h"

using namespace mlir;
using namespace vitya;
using namespace vitya::detail;

namespace {

/// The pixels [H * W, C] of the operand of `op` as [H + 2 ph, W + 2 pw, C], with `value` around them.
template <typename Op>
Value padded(LinalgBuilder &b, Op op, Value pixels, float value) {
  ArrayRef<int64_t> grid = op.getGrid(), padding = op.getPadding();
  int64_t channels = LinalgBuilder::size(pixels, 1);
  Value image = b.split(pixels, 0, grid[1]);
  if (padding[0] == 0 && padding[1] == 0)
    return image;
  Value around = b.fill({grid[0] + 2 * padding[0], grid[1] + 2 * padding[1], channels}, value);
  SmallVector<OpFoldResult> offsets = getAsIndexOpFoldResult(b.getContext(), {padding[0], padding[1], 0});
  SmallVector<OpFoldResult> sizes = getAsIndexOpFoldResult(b.getContext(), {grid[0], grid[1], channels});
  SmallVector<OpFoldResult> strides(3, b.getIndexAttr(1));
  return tensor::InsertSliceOp::create(b, image, around, offsets, sizes, strides);
}

struct UnfoldToLinalg : OpConversionPattern<UnfoldOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(UnfoldOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b(rewriter, op.getLoc());
    // A row of a window is contiguous: the loops are those over the result's grid, the rows of a window, and the
    // columns and channels of such a row together.
    Value image = b.merge(padded(b, op, adaptor.getInput(), 0), 1);
    int64_t channels = op.getInput().getType().getDimSize(1), run = op.getWindow()[1] * channels;
    auto [height, width] = op.getResultGrid();
    auto loop = [&](unsigned position) { return b.getAffineDimExpr(position); };
    AffineMap read = AffineMap::get(
        4, 0, {loop(0) * op.getStride()[0] + loop(2), loop(1) * (op.getStride()[1] * channels) + loop(3)},
        b.getContext());
    Value rows =
        b.generic(b.getMultiDimIdentityMap(4), {{image, read}}, b.empty({height, width, op.getWindow()[0], run}),
                  [](FloatBuilder &, ValueRange v) { return v[0]; });
    rewriter.replaceOpWithNewOp<tensor::CollapseShapeOp>(op, op.getType(), rows,
                                                         SmallVector<ReassociationIndices>{{0, 1}, {2, 3}});
    return success();
  }
};

struct MaxPoolToLinalg : OpConversionPattern<MaxPoolOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MaxPoolOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b(rewriter, op.getLoc());
    constexpr float kLeast = -std::numeric_limits<float>::infinity();
    int64_t channels = op.getType().getDimSize(1);
    Value image = padded(b, op, adaptor.getInput(), kLeast);
    auto [height, width] = op.getResultGrid();
    // The loops are those over the result's grid and the channels, then over the window.
    auto loop = [&](unsigned position) { return b.getAffineDimExpr(position); };
    AffineMap read = AffineMap::get(
        5, 0, {loop(0) * op.getStride()[0] + loop(3), loop(1) * op.getStride()[1] + loop(4), loop(2)}, b.getContext());
    // A generic needs an operand that has the sizes of the window.
    Value window = b.empty(op.getWindow());
    Value maxima = b.generic(AffineMap::getMultiDimIdentityMap(5, b.getContext()).getMajorSubMap(3),
                             {{image, read}, {window, AffineMap::getMinorIdentityMap(5, 2, b.getContext())}},
                             b.fill({height, width, channels}, kLeast),
                             [](FloatBuilder &a, ValueRange v) { return a.maximum(v[0], v[2]); });
    rewriter.replaceOp(op, b.merge(maxima, 0));
    return success();
  }
};

} // namespace

void vitya::detail::populateWindowToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<UnfoldToLinalg, MaxPoolToLinalg>(patterns.getContext());
}
