// Canonicalizations: a slice of rows moves towards the function's arguments, so that rows nobody reads are not
// computed. Each pattern stands under its equation; `x[rows]` is a slice of rank 2 that keeps all columns, static, so
// that it can stand anywhere.
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace vitya;

namespace {

/// Whether the rectangle of `slice` is known and the result has the rank of the source.
bool isStatic(tensor::ExtractSliceOp slice) {
  return slice.getNumOperands() == 1 && slice.getType().getRank() == slice.getSourceType().getRank() &&
         slice.getSourceType().hasStaticShape();
}

/// Whether `slice` is `x[rows]`.
bool isSliceOfRows(tensor::ExtractSliceOp slice) {
  return isStatic(slice) && slice.getType().getRank() == 2 && slice.getStaticOffsets()[1] == 0 &&
         slice.getStaticSizes()[1] == slice.getSourceType().getDimSize(1) && slice.getStaticStrides()[1] == 1;
}

/// The rectangle `like` of another value.
Value sliceLike(PatternRewriter &rewriter, Location loc, tensor::ExtractSliceOp like, Value source,
                ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) {
  return tensor::ExtractSliceOp::create(rewriter, loc, source, offsets, sizes, like.getMixedStrides());
}

/// op(x, w)[rows] = op(x[rows], w), where nobody reads other rows: every use of `op` is the same slice.
struct SliceBeforeRowwiseOp : OpRewritePattern<tensor::ExtractSliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::ExtractSliceOp slice, PatternRewriter &rewriter) const override {
    Operation *op = slice.getSource().getDefiningOp();
    if (!op || op->getNumResults() != 1 || !isSliceOfRows(slice))
      return rewriter.notifyMatchFailure(slice, "expected a static slice of rows of an op's only result");
    SmallVector<unsigned> operands;
    if (auto rowwise = dyn_cast<RowwiseOpInterface>(op))
      operands = rowwise.getRowwiseOperands();
    else if (OpTrait::hasElementwiseMappableTraits(op) &&
             llvm::all_of(op->getOperandTypes(), [&](Type type) { return type == op->getResult(0).getType(); }))
      operands = llvm::to_vector(llvm::seq<unsigned>(op->getNumOperands()));
    else
      return rewriter.notifyMatchFailure(slice, "expected rows that are computed independently of each other");
    SmallVector<tensor::ExtractSliceOp> slices;
    for (Operation *user : op->getUsers()) {
      auto other = dyn_cast<tensor::ExtractSliceOp>(user);
      if (!other || other->getAttrDictionary() != slice->getAttrDictionary() || other.getType() != slice.getType())
        return rewriter.notifyMatchFailure(slice, "expected every use to be the same slice");
      slices.push_back(other);
    }
    rewriter.setInsertionPointAfter(op);
    SmallVector<Value> values(op->getOperands());
    for (unsigned operand : operands) {
      OpFoldResult columns = rewriter.getIndexAttr(cast<RankedTensorType>(values[operand].getType()).getDimSize(1));
      values[operand] = sliceLike(rewriter, slice.getLoc(), slice, values[operand], slice.getMixedOffsets(),
                                  {slice.getMixedSizes()[0], columns});
    }
    Operation *fewer = clone(rewriter, op, slice.getType(), values);
    for (tensor::ExtractSliceOp each : slices)
      rewriter.replaceOp(each, fewer);
    return success();
  }
};

/// x[:, columns][rows] = x[rows, columns] for a result x of this dialect: query, key and value of one linear layer.
struct MergeSlices : OpRewritePattern<tensor::ExtractSliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::ExtractSliceOp slice, PatternRewriter &rewriter) const override {
    auto outer = slice.getSource().getDefiningOp<tensor::ExtractSliceOp>();
    if (!outer || !isStatic(slice) || !isStatic(outer) || !slice.hasUnitStride() || !outer.hasUnitStride())
      return rewriter.notifyMatchFailure(slice, "expected static slices of unit stride");
    Operation *op = outer.getSource().getDefiningOp();
    if (!op || !isa<VityaDialect>(op->getDialect()))
      return rewriter.notifyMatchFailure(slice, "expected slices of a result of this dialect");
    SmallVector<OpFoldResult> offsets;
    for (auto [inner, start] : llvm::zip_equal(slice.getStaticOffsets(), outer.getStaticOffsets()))
      offsets.push_back(rewriter.getIndexAttr(inner + start));
    rewriter.replaceOp(slice,
                       sliceLike(rewriter, slice.getLoc(), slice, outer.getSource(), offsets, slice.getMixedSizes()));
    return success();
  }
};

/// concat(..., x, ...)[inside x] = x[inside x]: the class token among all tokens.
struct SliceOfConcat : OpRewritePattern<tensor::ExtractSliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::ExtractSliceOp slice, PatternRewriter &rewriter) const override {
    auto concat = slice.getSource().getDefiningOp<tensor::ConcatOp>();
    if (!concat || !isStatic(slice) || slice.getType().getNumElements() == 0)
      return rewriter.notifyMatchFailure(slice, "expected a static slice of a concatenation");
    int64_t dim = concat.getDim(), first = slice.getStaticOffsets()[dim];
    int64_t last = first + (slice.getStaticSizes()[dim] - 1) * slice.getStaticStrides()[dim];
    for (Value part : concat.getInputs()) {
      auto type = cast<RankedTensorType>(part.getType());
      if (!type.hasStaticShape())
        break;
      if (first >= 0 && last < type.getDimSize(dim)) {
        SmallVector<OpFoldResult> offsets = slice.getMixedOffsets();
        offsets[dim] = rewriter.getIndexAttr(first);
        rewriter.replaceOp(slice, sliceLike(rewriter, slice.getLoc(), slice, part, offsets, slice.getMixedSizes()));
        return success();
      }
      first -= type.getDimSize(dim);
      last -= type.getDimSize(dim);
    }
    return rewriter.notifyMatchFailure(slice, "expected a slice inside one part");
  }
};

} // namespace

void VityaDialect::getCanonicalizationPatterns(RewritePatternSet &patterns) const {
  patterns.add<MergeSlices, SliceBeforeRowwiseOp, SliceOfConcat>(getContext());
}
