// Turns a kernel, which is a chain of linalg ops on whole tensors, into loops around ops of register size. Three steps:
//   1. Make the chain fusible: move reshapes to its ends and merge elementwise ops.
//   2. Tile its last op with a parallel loop and fuse the producers into it. Kernels that already have a parallel loop
//      (attention) keep it, and the elementwise ops that follow are fused into it.
//   3. Inside, split the last op into whole tiles of rows and the rest, tile and fuse again, and tile every op on its
//      own down to a few vector registers. If threads would not share the parallel loop evenly, the one over the tiles
//      of rows is parallel, too.
// TileSizes.h decides which loops are tiled by how much; this file applies the decisions.
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/SCF/Utils/Utils.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/kernels/Canonicalization.h"
#include "passes/lower/kernels/Passes.h"
#include "passes/lower/kernels/TileSizes.h"
#include "llvm/Support/DebugLog.h"
#include "llvm/Support/InterleavedRange.h"
#include <tuple>

#define DEBUG_TYPE "vitya-tile-kernels"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_TILEKERNELSPASS
#include "passes/lower/kernels/Passes.h.inc"

namespace {

/// The op that computes `value`, looking through reshapes.
Operation *getProducer(Value value) {
  Operation *op = value.getDefiningOp();
  while (op && isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp>(op))
    op = op->getOperand(0).getDefiningOp();
  return op;
}

/// The last value that `kernel` returns, which is computed from the others.
Value getResult(func::FuncOp kernel) { return kernel.getBody().front().getTerminator()->getOperands().back(); }

bool isReturned(Value value) { return llvm::any_of(value.getUsers(), llvm::IsaPred<func::ReturnOp>); }

/// Whether threads share a parallel loop of `iterations` evenly enough: two threads, or any number of them.
bool isSharedEvenly(int64_t iterations) { return iterations % 2 == 0 || iterations >= kParallelIterations; }

struct TileKernels : impl::TileKernelsPassBase<TileKernels> {
  using TileKernelsPassBase::TileKernelsPassBase;

  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    if (!getDiscardable<VityaDialect::KernelAttrHelper>(kernel))
      return;
    if (kernel.getNumResults() == 0) {
      kernel.emitError("expected a kernel with a result");
      return signalPassFailure();
    }
    if (rows <= 0 || columns <= 0 || columns % kLanes != 0) {
      kernel.emitError() << "expected positive rows, and columns that are a positive multiple of " << kLanes
                         << ", found " << rows.getValue() << " and " << columns.getValue();
      return signalPassFailure();
    }
    LDBG() << "kernel @" << kernel.getName();
    // A kernel that already has a parallel loop computes something once for all rows of an iteration. It should not be
    // computed again for parts of them.
    bool canShareRows = kernel.getOps<scf::ForallOp>().empty();
    if (failed(makeFusible(kernel)) || failed(makeParallel(kernel)))
      return signalPassFailure();
    for (auto [root, tileRows] : getRowRoots(kernel))
      if (failed(cutRows(root, tileRows, canShareRows)))
        return signalPassFailure();
    if (failed(cleanUp(kernel)) || failed(splitVectors(kernel)) || failed(tileToRegisters(kernel)) ||
        failed(cleanUp(kernel)))
      signalPassFailure();
  }

  //===--------------------------------------------------------------------===//
  // 1. Fusible chains
  //===--------------------------------------------------------------------===//

  LogicalResult makeFusible(func::FuncOp kernel) {
    auto foldReshape = [](OpOperand *operand) {
      Operation *producer = operand->get().getDefiningOp();
      auto expand = dyn_cast<tensor::ExpandShapeOp>(operand->getOwner());
      // Only contractions read VNNI layout. An elementwise op that produces it must keep its whole vectors.
      if (expand && isElementwise(producer) &&
          expand.getResultType().getShape().back() < lanesOf(expand.getSrcType().getShape().back()))
        return false;
      return isElementwise(expand ? producer : operand->getOwner());
    };
    auto fuseElementwise = [](OpOperand *operand) {
      Operation *producer = operand->get().getDefiningOp(), *consumer = operand->getOwner();
      return isElementwise(producer) && isElementwise(consumer) && producer->hasOneUse() &&
             cast<linalg::LinalgOp>(producer).getNumLoops() == cast<linalg::LinalgOp>(consumer).getNumLoops();
    };
    RewritePatternSet patterns(&getContext());
    linalg::populateFoldReshapeOpsByExpansionPatterns(patterns, foldReshape);
    linalg::populateElementwiseOpsFusionPatterns(patterns, fuseElementwise);
    tensor::populateReassociativeReshapeFoldingPatterns(patterns);
    return applyPatternsGreedily(kernel, std::move(patterns));
  }

  //===--------------------------------------------------------------------===//
  // 2. The parallel loop
  //===--------------------------------------------------------------------===//

  LogicalResult makeParallel(func::FuncOp kernel) {
    if (auto loops = kernel.getOps<scf::ForallOp>(); !loops.empty())
      return failure(failed(fuseConsumers(*loops.begin())) || failed(cleanUp(kernel)));
    auto root = dyn_cast_or_null<linalg::LinalgOp>(getProducer(getResult(kernel)));
    if (!root)
      return success(); // a copy, which needs no loop
    std::optional<SmallVector<int64_t>> sizes = getParallelTileSizes(root);
    if (!sizes)
      return success();
    FailureOr<SmallVector<LoopLikeOpInterface>> loops =
        tileAndFuse(root, *sizes, scf::SCFTilingOptions::LoopType::ForallOp);
    if (failed(loops))
      return failure();
    auto forall = cast<scf::ForallOp>(loops->front());
    joinParts(forall);
    // The threads share the iterations, which are therefore counted from 0 in steps of 1.
    IRRewriter rewriter(&getContext());
    rewriter.setInsertionPoint(forall);
    return normalizeForallOp(rewriter, forall);
  }

  /// Moves the elementwise ops on the result of `forall` into it, where the threads share their work. A result of the
  /// loop that only they used is left without a use.
  LogicalResult fuseConsumers(scf::ForallOp forall) {
    IRRewriter rewriter(&getContext());
    while (forall.getResults().back().hasOneUse()) {
      Operation *consumer = *forall.getResults().back().user_begin();
      if (!isElementwise(consumer))
        break;
      LDBG() << "fusing " << *consumer;
      SmallVector<LoopLikeOpInterface> loops{forall};
      FailureOr<scf::SCFFuseConsumerOfSliceResult> fused = scf::tileAndFuseConsumer(rewriter, consumer, loops);
      if (failed(fused))
        return consumer->emitError("expected an op that can be fused into the loop of its operand");
      rewriter.eraseOp(consumer);
      forall = cast<scf::ForallOp>(loops.front());
    }
    return success();
  }

  /// A returned producer that the loop reads in parts, such as the two columns of quantization parameters, has become a
  /// result of `forall` for each part, all with the same initial value. Makes these one result.
  static void joinParts(scf::ForallOp forall) {
    llvm::MapVector<Value, OpResult> whole;
    for (OpResult result : forall.getResults()) {
      OpOperand *init = forall.getTiedOpOperand(result);
      OpResult first = whole.insert({init->get(), result}).first->second;
      if (first == result)
        continue;
      forall.getTiedBlockArgument(init).replaceAllUsesWith(forall.getTiedBlockArgument(forall.getTiedOpOperand(first)));
      result.replaceAllUsesWith(first);
    }
  }

  /// Tiles `root` by `sizes` with loops of `type`, and fuses into them all producers that can be computed tile by tile.
  FailureOr<SmallVector<LoopLikeOpInterface>> tileAndFuse(linalg::LinalgOp root, ArrayRef<int64_t> sizes,
                                                          scf::SCFTilingOptions::LoopType type) {
    LDBG() << "tiling '" << root->getName() << "' and its producers by " << llvm::interleaved_array(sizes);
    IRRewriter rewriter(&getContext());
    rewriter.setInsertionPoint(root);
    scf::SCFTileAndFuseOptions options;
    options.tilingOptions.setLoopType(type);
    options.tilingOptions.setTileSizes(getAsIndexOpFoldResult(&getContext(), sizes));
    // Producers whose whole result is needed by every tile stay outside the loop. What else the kernel returns becomes
    // another result of the loop.
    options.setFusionControlFn([](tensor::ExtractSliceOp slice, OpResult producer,
                                  bool) -> std::optional<scf::SCFTileAndFuseOptions::ControlFnResult> {
      if (slice.getType() == producer.getType())
        return std::nullopt;
      return scf::SCFTileAndFuseOptions::ControlFnResult{/*yieldProducerReplacement=*/isReturned(producer)};
    });
    // Move slices across the reshapes and slices between producers and consumers.
    RewritePatternSet patterns(&getContext());
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
    (void)applyPatternsGreedily(root->getParentOfType<func::FuncOp>(), RewritePatternSet(&getContext()));
    return result->loops;
  }

  //===--------------------------------------------------------------------===//
  // 3. Rows, then registers
  //===--------------------------------------------------------------------===//

  /// The ops that produce the results of parallel loops that contain a contraction, or the result of a kernel that has
  /// a contraction but no parallel loop. Each comes with the rows of its register tiles.
  SmallVector<std::pair<linalg::LinalgOp, int64_t>> getRowRoots(func::FuncOp kernel) {
    SmallVector<std::pair<linalg::LinalgOp, int64_t>> roots;
    auto add = [&](Operation *scope, Value result) {
      std::optional<int64_t> tileRows;
      scope->walk([&](linalg::LinalgOp op) {
        if (isContraction(op))
          tileRows = std::min(tileRows.value_or(INT64_MAX), getTileRows(op, {rows, columns}));
      });
      if (auto root = dyn_cast_or_null<linalg::LinalgOp>(getProducer(result)); root && tileRows)
        roots.emplace_back(root, *tileRows);
    };
    for (auto parallel : kernel.getOps<scf::ForallOp>())
      for (auto insert : parallel.getTerminator().getRegion().getOps<tensor::ParallelInsertSliceOp>())
        add(parallel, insert.getSource());
    if (kernel.getOps<scf::ForallOp>().empty())
      add(kernel, getResult(kernel));
    return roots;
  }

  /// Splits the rows of `root` into whole tiles of `tileRows` rows, over which a loop runs, and a shorter one. If the
  /// rows can be shared, and the iterations of the parallel loop around them are not shared evenly, the loop is
  /// parallel, too.
  LogicalResult cutRows(linalg::LinalgOp root, int64_t tileRows, bool canShareRows) {
    std::optional<SmallVector<int64_t>> sizes = getRowTileSizes(root, tileRows);
    if (!sizes)
      return success();
    auto forall = root->getParentOfType<scf::ForallOp>();
    int64_t rows = root.getStaticLoopRanges().front(), remainingRows = rows % tileRows;
    bool isShared =
        canShareRows && forall && !isSharedEvenly(forall.getStaticUpperBound().front()) && rows >= 2 * tileRows;
    linalg::LinalgOp rest;
    if (remainingRows != 0)
      std::tie(root, rest) = splitRows(root, rows - remainingRows);
    using LoopType = scf::SCFTilingOptions::LoopType;
    FailureOr<SmallVector<LoopLikeOpInterface>> loops =
        tileAndFuse(root, *sizes, isShared ? LoopType::ForallOp : LoopType::ForOp);
    if (failed(loops))
      return failure();
    if (auto shared = dyn_cast<scf::ForallOp>(*loops->front())) {
      IRRewriter rewriter(shared);
      if (failed(normalizeForallOp(rewriter, shared)))
        return failure();
    }
    if (!rest)
      return success();
    sizes->front() = remainingRows;
    return tileAndFuse(rest, *sizes, LoopType::ForOp);
  }

  /// Splits `op` after `rows` rows.
  static std::pair<linalg::LinalgOp, linalg::LinalgOp> splitRows(linalg::LinalgOp op, int64_t rows) {
    IRRewriter rewriter(op);
    auto fill = op.getDpsInitOperand(0)->get().getDefiningOp<linalg::FillOp>();
    if (fill)
      op.getDpsInitOperand(0)->set(fill.getOutputs()[0]);
    auto [first, second] =
        linalg::splitOp(rewriter, cast<TilingInterface>(op.getOperation()), 0, rewriter.getIndexAttr(rows));
    std::pair parts{cast<linalg::LinalgOp>(first.getOperation()), cast<linalg::LinalgOp>(second.getOperation())};
    // Each part begins with its own initial value, so that it can be fused.
    if (fill)
      for (linalg::LinalgOp part : {parts.first, parts.second}) {
        OpOperand *init = part.getDpsInitOperand(0);
        rewriter.setInsertionPoint(part);
        init->set(linalg::FillOp::create(rewriter, fill.getLoc(), fill.getInputs()[0], init->get()).getResult(0));
      }
    return parts;
  }

  /// Splits ops whose rows are not a multiple of a vector into one of whole vectors and one of the rest.
  static LogicalResult splitVectors(func::FuncOp kernel) {
    SmallVector<linalg::LinalgOp> ops;
    kernel.walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    IRRewriter rewriter(kernel.getContext());
    for (linalg::LinalgOp op : ops) {
      std::optional<std::pair<unsigned, int64_t>> whole = getWholeVectors(op);
      if (!whole)
        continue;
      LDBG() << "splitting '" << op->getName() << "' of " << llvm::interleaved_array(op.getStaticLoopRanges())
             << " after " << whole->second;
      rewriter.setInsertionPoint(op);
      Location loc = op.getLoc();
      auto [first, rest] = linalg::splitOp(rewriter, cast<TilingInterface>(op.getOperation()), whole->first,
                                           rewriter.getIndexAttr(whole->second));
      if (!first || !rest)
        return emitError(loc, "expected an op that can be split");
    }
    return success();
  }

  LogicalResult tileToRegisters(func::FuncOp kernel) {
    SmallVector<std::pair<linalg::LinalgOp, SmallVector<int64_t>>> tilings;
    WalkResult result = kernel.walk([&](linalg::LinalgOp op) {
      if (llvm::any_of(op.getStaticLoopRanges(), ShapedType::isDynamic)) {
        op.emitError("expected static sizes after tiling");
        return WalkResult::interrupt();
      }
      tilings.emplace_back(op, getRegisterTileSizes(op, {rows, columns}));
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      return failure();
    for (auto &[op, sizes] : tilings)
      if (llvm::any_of(sizes, [](int64_t size) { return size != 0; }))
        if (failed(tile(op, sizes)))
          return failure();
    return success();
  }

  LogicalResult tile(linalg::LinalgOp op, ArrayRef<int64_t> sizes) {
    LDBG() << "tiling '" << op->getName() << "' of " << llvm::interleaved_array(op.getStaticLoopRanges()) << " by "
           << llvm::interleaved_array(sizes);
    IRRewriter rewriter(&getContext());
    rewriter.setInsertionPoint(op);
    scf::SCFTilingOptions options;
    options.setTileSizes(getAsIndexOpFoldResult(&getContext(), sizes));
    FailureOr<scf::SCFTilingResult> result =
        scf::tileUsingSCF(rewriter, cast<TilingInterface>(op.getOperation()), options);
    if (failed(result))
      return op.emitError("expected an op that can be tiled");
    rewriter.replaceOp(op, result->replacements);
    for (Operation *tiled : result->tiledOps) {
      auto generic = dyn_cast<linalg::GenericOp>(tiled);
      if (!generic)
        continue;
      dropUnitLoopsFromSums(generic);
      if (isContraction(generic))
        dropUnitLoops(rewriter, generic);
    }
    return success();
  }

  /// Drops the loops of `op` that have one iteration from the sums of loops in its indexing maps, which windows of
  /// pixels have. If one loop or none is left, the op can be vectorized.
  static void dropUnitLoopsFromSums(linalg::GenericOp op) {
    SmallVector<int64_t> ranges = op.getStaticLoopRanges();
    AffineExpr zero = getAffineConstantExpr(0, op.getContext());
    SmallVector<AffineExpr> loops = llvm::map_to_vector(llvm::enumerate(ranges), [&](auto range) {
      return range.value() == 1 ? zero : getAffineDimExpr(range.index(), op.getContext());
    });
    SmallVector<AffineMap> maps = llvm::map_to_vector(op.getIndexingMapsArray(), [&](AffineMap map) {
      SmallVector<AffineExpr> results = llvm::map_to_vector(map.getResults(), [&](AffineExpr result) {
        return isa<AffineBinaryOpExpr>(result) ? result.replaceDims(loops) : result;
      });
      return AffineMap::get(map.getNumDims(), map.getNumSymbols(), results, op.getContext());
    });
    op.setIndexingMapsAttr(Builder(op.getContext()).getAffineMapArrayAttr(maps));
  }

  /// Drops the loops of `contraction` that have one iteration, except for the last reduction loop and the loop over the
  /// blocks of a short sum, so that it becomes a plain product of matrices.
  static void dropUnitLoops(IRRewriter &rewriter, linalg::GenericOp contraction) {
    linalg::ControlDropUnitDims options;
    options.rankReductionStrategy = linalg::ControlDropUnitDims::RankReductionStrategy::ExtractInsertSlice;
    options.controlFn = [](Operation *op) {
      auto linalgOp = cast<linalg::LinalgOp>(op);
      SmallVector<unsigned> loops, reductions;
      linalgOp.getParallelDims(loops);
      linalgOp.getReductionDims(reductions);
      llvm::append_range(loops, ArrayRef(reductions).drop_back(getGroupLoop(linalgOp) ? 2 : 1));
      return loops;
    };
    rewriter.setInsertionPoint(contraction);
    FailureOr<linalg::DropUnitDimsResult> result = linalg::dropUnitDims(rewriter, contraction, options);
    if (succeeded(result)) // fails if there are no such loops
      rewriter.replaceOp(contraction, result->replacements);
  }

  LogicalResult cleanUp(func::FuncOp kernel) {
    RewritePatternSet patterns(&getContext());
    tensor::populateFoldTensorEmptyPatterns(patterns);
    scf::populateSCFForLoopCanonicalizationPatterns(patterns);
    populateCanonicalizationPatterns(patterns, {"affine", "linalg", "scf", "tensor"});
    if (failed(applyPatternsGreedily(kernel, std::move(patterns))))
      return failure();
    IRRewriter rewriter(&getContext());
    DominanceInfo dominance(kernel);
    eliminateCommonSubExpressions(rewriter, dominance, kernel);
    return success();
  }
};

} // namespace
} // namespace vitya
