#include "passes/lower/kernels/TileAndFuse.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/lower/kernels/Canonicalization.h"
#include "llvm/Support/DebugLog.h"
#include "llvm/Support/InterleavedRange.h"

#define DEBUG_TYPE "vitya-tile-kernels"

using namespace mlir;

namespace vitya {

FailureOr<SmallVector<LoopLikeOpInterface>> tileAndFuse(linalg::LinalgOp root, ArrayRef<int64_t> sizes,
                                                        scf::SCFTilingOptions::LoopType type,
                                                        scf::SCFTileAndFuseOptions::ControlFnTy shouldFuse) {
  LDBG() << "tiling '" << root->getName() << "' and its producers by " << llvm::interleaved_array(sizes);
  MLIRContext *context = root->getContext();
  IRRewriter rewriter(context);
  rewriter.setInsertionPoint(root);
  scf::SCFTileAndFuseOptions options;
  options.tilingOptions.setLoopType(type);
  options.tilingOptions.setTileSizes(getAsIndexOpFoldResult(context, sizes));
  options.setFusionControlFn(std::move(shouldFuse));
  // Move slices across the reshapes and slices between producers and consumers.
  RewritePatternSet patterns(context);
  tensor::populateBubbleUpExtractSliceOpPatterns(patterns);
  tensor::populateMergeConsecutiveInsertExtractSlicePatterns(patterns);
  options.cleanupPatterns = FrozenRewritePatternSet(std::move(patterns));
  FailureOr<scf::SCFTileAndFuseResult> result =
      scf::tileConsumerAndFuseProducersUsingSCF(rewriter, cast<TilingInterface>(root.getOperation()), options);
  if (failed(result))
    return root.emitError("expected an op that can be tiled");
  for (auto [original, replacement] : result->replacements)
    rewriter.replaceAllUsesWith(original, replacement);
  // Without patterns, the greedy driver erases dead ops and folds.
  (void)applyPatternsGreedily(root->getParentOfType<func::FuncOp>(), RewritePatternSet(context));
  return result->loops;
}

std::pair<linalg::LinalgOp, linalg::LinalgOp> splitLoop(linalg::LinalgOp op, unsigned loop, int64_t size) {
  LDBG() << "splitting '" << op->getName() << "' of " << llvm::interleaved_array(op.getStaticLoopRanges()) << " after "
         << size << " iterations of loop " << loop;
  IRRewriter rewriter(op);
  auto init = op.getDpsInitOperand(0)->get().getDefiningOp<linalg::LinalgOp>();
  bool hasOwnInit = init && init.getNumReductionLoops() == 0;
  if (hasOwnInit)
    op.getDpsInitOperand(0)->set(init.getDpsInitOperand(0)->get());
  auto [first, second] =
      linalg::splitOp(rewriter, cast<TilingInterface>(op.getOperation()), loop, rewriter.getIndexAttr(size));
  std::pair parts{cast<linalg::LinalgOp>(first.getOperation()), cast<linalg::LinalgOp>(second.getOperation())};
  if (!hasOwnInit)
    return parts;
  for (linalg::LinalgOp part : {parts.first, parts.second}) {
    OpOperand *operand = part.getDpsInitOperand(0);
    auto slice = operand->get().getDefiningOp<tensor::ExtractSliceOp>();
    rewriter.setInsertionPoint(part);
    FailureOr<TilingResult> tiled =
        cast<TilingInterface>(init.getOperation())
            .generateResultTileValue(rewriter, 0, slice.getMixedOffsets(), slice.getMixedSizes());
    assert(succeeded(tiled) && "an op without reductions has a tile for each part of its result");
    auto ownInit = cast<linalg::LinalgOp>(tiled->tiledOps.front());
    ownInit.getDpsInitOperand(0)->set(slice);
    operand->set(ownInit->getResult(0));
  }
  return parts;
}

LogicalResult cleanUp(func::FuncOp kernel) {
  RewritePatternSet patterns(kernel.getContext());
  tensor::populateFoldTensorEmptyPatterns(patterns);
  scf::populateSCFForLoopCanonicalizationPatterns(patterns);
  populateCanonicalizationPatterns(patterns, {"affine", "linalg", "scf", "tensor"});
  if (failed(applyPatternsGreedily(kernel, std::move(patterns))))
    return failure();
  IRRewriter rewriter(kernel.getContext());
  DominanceInfo dominance(kernel);
  eliminateCommonSubExpressions(rewriter, dominance, kernel);
  return success();
}

} // namespace vitya
