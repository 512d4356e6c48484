// Moves slices of rows towards the arguments of a function, so that rows that nobody reads are not computed. Each
// pattern is below its equation; `x[rows]` is a static slice of rank 2 that keeps all columns.
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/simplify/Passes.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "vitya-drop-unread-rows"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_DROPUNREADROWSPASS
#include "passes/simplify/Passes.h.inc"

namespace {

/// Whether offsets, sizes and strides of `slice` are static and the result has the rank of the source.
bool isStatic(tensor::ExtractSliceOp slice) {
  return slice.getNumOperands() == 1 && slice.getType().getRank() == slice.getSourceType().getRank() &&
         slice.getSourceType().hasStaticShape();
}

/// Whether `slice` is `x[rows]`.
bool isSliceOfRows(tensor::ExtractSliceOp slice) {
  return isStatic(slice) && slice.getType().getRank() == 2 && slice.getStaticOffsets()[1] == 0 &&
         slice.getStaticSizes()[1] == slice.getSourceType().getDimSize(1) && slice.getStaticStrides()[1] == 1;
}

/// The slice of `source` at `offsets` with `sizes` and the strides of `like`.
Value sliceLike(PatternRewriter &rewriter, Location loc, tensor::ExtractSliceOp like, Value source,
                ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) {
  return tensor::ExtractSliceOp::create(rewriter, loc, source, offsets, sizes, like.getMixedStrides());
}

/// op(x, w)[rows] = op(x[rows], w), if nobody reads other rows: every use of `op` is the same slice.
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
      return rewriter.notifyMatchFailure(slice, "expected an op that computes its rows independently of each other");
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
    LDBG() << "computing only " << slice.getType().getDimSize(0) << " rows of " << *op;
    Operation *narrowed = clone(rewriter, op, slice.getType(), values);
    for (tensor::ExtractSliceOp each : slices)
      rewriter.replaceOp(each, narrowed);
    rewriter.eraseOp(op); // no longer a use of its operands, so the new slices can move on
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

struct DropUnreadRows : impl::DropUnreadRowsPassBase<DropUnreadRows> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SliceBeforeRowwiseOp, SliceOfConcat>(&getContext());
    // x[:, columns][rows] = x[rows, columns]: query, key and value of one linear layer.
    tensor::populateMergeConsecutiveInsertExtractSlicePatterns(patterns);
    // Every rewrite removes a slice or moves it towards the arguments, so the driver terminates on models of any depth.
    GreedyRewriteConfig config;
    config.setMaxIterations(GreedyRewriteConfig::kNoLimit);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      signalPassFailure();
  }
};

} // namespace
} // namespace vitya
