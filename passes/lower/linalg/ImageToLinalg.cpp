// Lowers normalize and patchify, which turn an image into tokens.
#include "dialect/VityaOps.h"
#include "passes/lower/linalg/LinalgBuilder.h"
#include "passes/lower/linalg/VityaToLinalg.h"

using namespace mlir;
using namespace vitya;
using namespace vitya::detail;

namespace {

struct NormalizeToLinalg : OpConversionPattern<NormalizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(NormalizeOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b(rewriter, op.getLoc());
    auto constant = [&](ArrayRef<float> values) -> Value {
      auto type = RankedTensorType::get(values.size(), rewriter.getF32Type());
      return arith::ConstantOp::create(b, DenseElementsAttr::get(type, values));
    };
    rewriter.replaceOp(
        op, b.generic(3, {{adaptor.getImage(), {0, 1, 2}}, {constant(op.getMean()), {0}}, {constant(op.getStd()), {0}}},
                      {b.empty(op.getType().getShape()), {0, 1, 2}},
                      [](FloatBuilder &a, ValueRange v) { return a.div(a.sub(v[0], v[1]), v[2]); }));
    return success();
  }
};

struct PatchifyToLinalg : OpConversionPattern<PatchifyOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(PatchifyOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b(rewriter, op.getLoc());
    ArrayRef<int64_t> image = op.getImage().getType().getShape();
    int64_t height = op.getPatch()[0], width = op.getPatch()[1];
    // [channel, grid row, row, grid column, column]
    Value split = b.split(b.split(adaptor.getImage(), 2, width), 1, height);
    SmallVector<int64_t> shape{image[1] / height, image[2] / width};
    // The loops are over grid row and grid column, then in the order inside a patch.
    std::array<int64_t, 3> sizes{image[0], height, width};
    std::array<unsigned, 3> loops;
    for (unsigned dimension : patchDimensions(op.getOrder())) {
      loops[dimension] = shape.size();
      shape.push_back(sizes[dimension]);
    }
    LinalgBuilder::Dims source{loops[0], 0, loops[1], 1, loops[2]};
    Value patches = b.copy(5, {split, source}, {b.empty(shape), {0, 1, 2, 3, 4}});
    rewriter.replaceOpWithNewOp<tensor::CollapseShapeOp>(op, op.getType(), patches,
                                                         SmallVector<ReassociationIndices>{{0, 1}, {2, 3, 4}});
    return success();
  }
};

} // namespace

void vitya::detail::populateImageToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<NormalizeToLinalg, PatchifyToLinalg>(patterns.getContext());
}
