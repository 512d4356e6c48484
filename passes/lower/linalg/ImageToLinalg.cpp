// normalize and patchify: the image boundary.
#include "dialect/VityaOps.h"
#include "passes/lower/linalg/LinalgBuilder.h"
#include "passes/lower/linalg/VityaToLinalg.h"

using namespace mlir;
using namespace vitya;
using vitya::detail::LinalgBuilder;

namespace {

struct NormalizeToLinalg : OpConversionPattern<NormalizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(NormalizeOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b{rewriter, op.getLoc()};
    auto constant = [&](ArrayRef<float> values) -> Value {
      auto type = RankedTensorType::get(values.size(), rewriter.getF32Type());
      return arith::ConstantOp::create(rewriter, op.getLoc(), DenseElementsAttr::get(type, values));
    };
    rewriter.replaceOp(
        op, b.generic(3, {{adaptor.getImage(), {0, 1, 2}}, {constant(op.getMean()), {0}}, {constant(op.getStd()), {0}}},
                      {b.empty(op.getType().getShape()), {0, 1, 2}},
                      [](OpBuilder &nested, Location loc, ValueRange v) -> Value {
                        Value centred = arith::SubFOp::create(nested, loc, v[0], v[1]);
                        return arith::DivFOp::create(nested, loc, centred, v[2]);
                      }));
    return success();
  }
};

struct PatchifyToLinalg : OpConversionPattern<PatchifyOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(PatchifyOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b{rewriter, op.getLoc()};
    ArrayRef<int64_t> image = op.getImage().getType().getShape();
    int64_t height = op.getPatch()[0], width = op.getPatch()[1];
    // [c, gy, py, gx, px]
    Value split = b.split(b.split(adaptor.getImage(), 2, width), 1, height);
    int64_t gridHeight = image[1] / height, gridWidth = image[2] / width;
    bool channelFirst = op.getOrder() == PatchOrder::channel_row_column;
    SmallVector<int64_t> shape{gridHeight, gridWidth};
    LinalgBuilder::Dims source; // loops: gy gx, then the order inside a patch
    if (channelFirst) {
      shape.append({image[0], height, width});
      source = {2, 0, 3, 1, 4};
    } else {
      shape.append({height, width, image[0]});
      source = {4, 0, 2, 1, 3};
    }
    Value patches = b.generic(5, {{split, source}}, {b.empty(shape), {0, 1, 2, 3, 4}},
                              [](OpBuilder &, Location, ValueRange v) { return v[0]; });
    rewriter.replaceOpWithNewOp<tensor::CollapseShapeOp>(op, op.getType(), patches,
                                                         SmallVector<ReassociationIndices>{{0, 1}, {2, 3, 4}});
    return success();
  }
};

} // namespace

void vitya::detail::populateImageToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<NormalizeToLinalg, PatchifyToLinalg>(patterns.getContext());
}
