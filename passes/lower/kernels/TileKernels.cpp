// Turns a kernel, a chain of linalg ops on whole tensors, into loops around ops of register size. Three steps:
//   1. Make the chain fusible: move reshapes to its ends and merge elementwise ops.
//   2. Tile its last op with a parallel loop and fuse the producers into it; kernels that come with a parallel loop
//      (attention) keep theirs.
//   3. Inside, tile the last op by a few rows, fuse again, split off the remainder, and tile every op on its own down
//      to a few vector registers.
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/lower/kernels/Passes.h"
#include "passes/lower/Kernel.h"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_TILEKERNELSPASS
#include "passes/lower/kernels/Passes.h.inc"

namespace {

bool isElementwise(Operation *op) {
  auto linalgOp = dyn_cast_or_null<linalg::LinalgOp>(op);
  return linalgOp && isa<linalg::GenericOp>(op) && linalgOp.getNumParallelLoops() == linalgOp.getNumLoops();
}

/// A sum of products: reads two tensors, neither of them along all loops.
bool isContraction(linalg::LinalgOp op) {
  return op.getNumDpsInputs() == 2 && op.getNumReductionLoops() > 0 && linalg::isaContractionOpInterface(op);
}

bool hasMath(linalg::LinalgOp op) {
  return op
      ->walk([](Operation *nested) {
        return isa<math::MathDialect>(nested->getDialect()) ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// The op that computes `value`, seen through reshapes.
Operation *sourceOf(Value value) {
  Operation *op = value.getDefiningOp();
  while (op && isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp>(op))
    op = op->getOperand(0).getDefiningOp();
  return op;
}

struct TileKernels : impl::TileKernelsPassBase<TileKernels> {
  using TileKernelsPassBase::TileKernelsPassBase;

  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    if (!kernel->hasAttr(kKernelAttrName))
      return;
    if (kernel.getNumResults() != 1) {
      kernel.emitError("expected a kernel with a result");
      return signalPassFailure();
    }
    if (rows <= 0 || columns <= 0 || columns % kLanes != 0) {
      kernel.emitError() << "expected positive rows, and columns that are a positive multiple of " << kLanes
                         << ", found " << rows.getValue() << " and " << columns.getValue();
      return signalPassFailure();
    }
    if (failed(makeFusible(kernel)) || failed(makeParallel(kernel)))
      return signalPassFailure();
    for (linalg::LinalgOp root : rowRoots(kernel))
      if (failed(tileRows(root)))
        return signalPassFailure();
    if (failed(cleanUp(kernel)) || failed(tileToRegisters(kernel)) || failed(cleanUp(kernel)))
      return signalPassFailure();
  }

  //===--------------------------------------------------------------------===//
  // 1. Fusible chains
  //===--------------------------------------------------------------------===//

  LogicalResult makeFusible(func::FuncOp kernel) {
    auto reshape = [](OpOperand *operand) {
      Operation *producer = operand->get().getDefiningOp();
      auto expand = dyn_cast<tensor::ExpandShapeOp>(operand->getOwner());
      // Groups of integers side by side are for contractions; other ops go over whole vectors.
      if (expand && isElementwise(producer) &&
          expand.getResultType().getShape().back() < lanesOf(expand.getSrcType().getShape().back()))
        return false;
      return isElementwise(expand ? producer : operand->getOwner());
    };
    auto elementwise = [](OpOperand *operand) {
      Operation *producer = operand->get().getDefiningOp(), *consumer = operand->getOwner();
      return isElementwise(producer) && isElementwise(consumer) && producer->hasOneUse() &&
             cast<linalg::LinalgOp>(producer).getNumLoops() == cast<linalg::LinalgOp>(consumer).getNumLoops();
    };
    RewritePatternSet patterns(&getContext());
    linalg::populateFoldReshapeOpsByExpansionPatterns(patterns, reshape);
    linalg::populateElementwiseOpsFusionPatterns(patterns, elementwise);
    tensor::populateReassociativeReshapeFoldingPatterns(patterns);
    return applyPatternsGreedily(kernel, std::move(patterns));
  }

  //===--------------------------------------------------------------------===//
  // 2. The parallel loop
  //===--------------------------------------------------------------------===//

  LogicalResult makeParallel(func::FuncOp kernel) {
    if (!kernel.getOps<scf::ForallOp>().empty())
      return success();
    Operation *last = sourceOf(kernel.getBody().front().getTerminator()->getOperand(0));
    auto root = dyn_cast_or_null<linalg::LinalgOp>(last);
    if (!root || root.getNumParallelLoops() == 0)
      return success(); // a copy: it runs as it is
    // Panels of a packed weight are the second loop; everything else goes row by row.
    bool panels = isContraction(root) || llvm::any_of(root->getOperands(), [](Value operand) {
                    auto producer = operand.getDefiningOp<linalg::LinalgOp>();
                    return producer && isContraction(producer);
                  });
    unsigned loop = panels && root.getNumParallelLoops() == 3 ? 1 : 0;
    if (root.getStaticLoopRanges()[loop] == 1)
      return success(); // nothing to share
    SmallVector<int64_t> sizes(root.getNumLoops(), 0);
    sizes[loop] = 1;
    return tileAndFuse(root, sizes, scf::SCFTilingOptions::LoopType::ForallOp).status;
  }

  struct Tiled {
    LogicalResult status;
    SmallVector<LoopLikeOpInterface> loops;
  };

  Tiled tileAndFuse(linalg::LinalgOp root, ArrayRef<int64_t> sizes, scf::SCFTilingOptions::LoopType type) {
    IRRewriter rewriter(&getContext());
    rewriter.setInsertionPoint(root);
    scf::SCFTileAndFuseOptions options;
    options.tilingOptions.setLoopType(type);
    options.tilingOptions.setTileSizes(getAsIndexOpFoldResult(&getContext(), sizes));
    // What every tile needs whole stays outside the loop.
    options.setFusionControlFn([](tensor::ExtractSliceOp slice, OpResult producer,
                                  bool) -> std::optional<scf::SCFTileAndFuseOptions::ControlFnResult> {
      if (slice.getType() == producer.getType())
        return std::nullopt;
      return scf::SCFTileAndFuseOptions::ControlFnResult{};
    });
    // Reshapes and slices between producers and consumers let slices through.
    RewritePatternSet patterns(&getContext());
    tensor::populateBubbleUpExtractSliceOpPatterns(patterns);
    tensor::populateMergeConsecutiveInsertExtractSlicePatterns(patterns);
    options.cleanupPatterns = FrozenRewritePatternSet(std::move(patterns));
    FailureOr<scf::SCFTileAndFuseResult> result =
        scf::tileConsumerAndFuseProducersUsingSCF(rewriter, cast<TilingInterface>(root.getOperation()), options);
    if (failed(result))
      return {root.emitError("expected an op that can be tiled"), {}};
    for (auto [original, replacement] : result->replacements)
      rewriter.replaceAllUsesWith(original, replacement);
    eraseDead(root->getParentOfType<func::FuncOp>());
    return {success(), result->loops};
  }

  /// The greedy driver without patterns erases what is dead and folds.
  static void eraseDead(func::FuncOp kernel) {
    (void)applyPatternsGreedily(kernel, RewritePatternSet(kernel.getContext()));
  }

  //===--------------------------------------------------------------------===//
  // 3. Rows, then registers
  //===--------------------------------------------------------------------===//

  /// The ops that make the results of the parallel loops with contractions, or of a kernel that has one without a loop.
  static SmallVector<linalg::LinalgOp> rowRoots(func::FuncOp kernel) {
    SmallVector<linalg::LinalgOp> roots;
    auto add = [&](Operation *scope, Value result) {
      bool contracts = false;
      scope->walk([&](linalg::LinalgOp op) { contracts |= isContraction(op); });
      if (auto root = dyn_cast_or_null<linalg::LinalgOp>(sourceOf(result)); root && contracts)
        roots.push_back(root);
    };
    for (auto parallel : kernel.getOps<scf::ForallOp>())
      for (auto insert : parallel.getTerminator().getRegion().getOps<tensor::ParallelInsertSliceOp>())
        add(parallel, insert.getSource());
    if (kernel.getOps<scf::ForallOp>().empty())
      add(kernel, kernel.getBody().front().getTerminator()->getOperand(0));
    return roots;
  }

  /// Loops over `rows` rows of the result of `root`, with everything that can be computed for those rows alone. The
  /// rows that remain have a copy of the loop's body.
  LogicalResult tileRows(linalg::LinalgOp root) {
    int64_t extent = root.getStaticLoopRanges().front();
    if (extent <= rows)
      return success();
    Location loc = root.getLoc();
    SmallVector<int64_t> sizes(root.getNumLoops(), 0);
    sizes.front() = rows;
    Tiled tiled = tileAndFuse(root, sizes, scf::SCFTilingOptions::LoopType::ForOp);
    if (failed(tiled.status) || extent % rows == 0)
      return tiled.status;
    IRRewriter rewriter(&getContext());
    scf::ForOp remainder;
    if (failed(scf::peelForLoopAndSimplifyBounds(rewriter, cast<scf::ForOp>(tiled.loops.front()), remainder)))
      return emitError(loc, "expected a loop whose remainder can be split off");
    return success();
  }

  LogicalResult tileToRegisters(func::FuncOp kernel) {
    SmallVector<linalg::LinalgOp> ops;
    kernel.walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops) {
      SmallVector<int64_t> ranges = op.getStaticLoopRanges();
      if (llvm::any_of(ranges, ShapedType::isDynamic))
        return op.emitError("expected static sizes after tiling");
      SmallVector<int64_t> sizes = registerSizes(op, ranges);
      for (auto [size, range] : llvm::zip_equal(sizes, ranges))
        if (size == range)
          size = 0;
      if (llvm::all_of(sizes, [](int64_t size) { return size == 0; }))
        continue;
      IRRewriter rewriter(&getContext());
      rewriter.setInsertionPoint(op);
      scf::SCFTilingOptions options;
      options.setTileSizes(getAsIndexOpFoldResult(&getContext(), sizes));
      FailureOr<scf::SCFTilingResult> result =
          scf::tileUsingSCF(rewriter, cast<TilingInterface>(op.getOperation()), options);
      if (failed(result))
        return op.emitError("expected an op that can be tiled");
      rewriter.replaceOp(op, result->replacements);
      if (failed(dropUnitLoops(rewriter, result->tiledOps)))
        return failure();
    }
    return success();
  }

  /// Makes the contractions among `ops` the plain products of matrices that they have become: loops of one iteration
  /// go, but for one reduction.
  static LogicalResult dropUnitLoops(IRRewriter &rewriter, ArrayRef<Operation *> ops) {
    for (Operation *op : ops) {
      auto generic = dyn_cast<linalg::GenericOp>(op);
      if (!generic || !isContraction(generic))
        continue;
      linalg::ControlDropUnitDims options;
      options.rankReductionStrategy = linalg::ControlDropUnitDims::RankReductionStrategy::ExtractInsertSlice;
      options.controlFn = [](Operation *contraction) {
        auto linalgOp = cast<linalg::LinalgOp>(contraction);
        SmallVector<unsigned> loops, reductions;
        linalgOp.getParallelDims(loops);
        linalgOp.getReductionDims(reductions);
        llvm::append_range(loops, ArrayRef(reductions).drop_back());
        return loops;
      };
      rewriter.setInsertionPoint(generic);
      FailureOr<linalg::DropUnitDimsResult> dropped = linalg::dropUnitDims(rewriter, generic, options);
      if (failed(dropped))
        continue; // there are none
      rewriter.replaceOp(generic, dropped->replacements);
    }
    return success();
  }

  /// One vector along the fastest loop and 1 along the others; contractions and what follows them in registers keep
  /// their rows.
  SmallVector<int64_t> registerSizes(linalg::LinalgOp op, ArrayRef<int64_t> ranges) {
    SmallVector<int64_t> sizes(ranges.size(), 1);
    if (ranges.empty())
      return sizes;
    unsigned fastest = fastestLoop(op);
    // Integers that are put side by side: a small matrix becomes a vector.
    if (isCopyOfIntegers(op) && ranges[fastest] < kLanes && fastest > 0) {
      sizes[fastest] = ranges[fastest];
      sizes[fastest - 1] = lanesOf(ranges[fastest - 1]);
      return sizes;
    }
    bool wide = isContraction(op) || (op.getNumReductionLoops() == 0 && !hasMath(op) && followsLoop(op, fastest));
    int64_t limit = wide && ranges[fastest] % kLanes == 0 ? columns : lanesOf(ranges[fastest]);
    sizes[fastest] = ranges[fastest];
    while (sizes[fastest] > limit || ranges[fastest] % sizes[fastest] != 0)
      sizes[fastest] = std::min(limit, sizes[fastest] - 1);
    // Integers side by side go into one instruction.
    if (std::optional<unsigned> loop = sideBySide(op))
      sizes[*loop] = ranges[*loop];
    bool inRegisters = wide && ranges.front() <= rows && op.getNumParallelLoops() >= 2;
    if (inRegisters && fastest != 0)
      sizes.front() = ranges.front();
    return sizes;
  }

  /// Whether each element of the result, in the order of the loops, is an element of the only input, an integer.
  static bool isCopyOfIntegers(linalg::LinalgOp op) {
    auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
    return generic && isElementwise(op) && op.getNumDpsInputs() == 1 &&
           getElementTypeOrSelf(generic.getResult(0)).isInteger() &&
           op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity() &&
           generic.getBody()->getTerminator()->getOperand(0) == generic.getBody()->getArgument(0);
  }

  /// The loop of a contraction along which both operands are contiguous, if there is one.
  static std::optional<unsigned> sideBySide(linalg::LinalgOp op) {
    if (!isContraction(op))
      return std::nullopt;
    auto last = [&](unsigned operand) { return op.getIndexingMapsArray()[operand].getResults().back(); };
    auto dim = dyn_cast<AffineDimExpr>(last(0));
    return dim && last(0) == last(1) ? std::optional<unsigned>(dim.getPosition()) : std::nullopt;
  }

  /// Whether every operand is read along `loop`, so that no element has to be spread across a vector.
  static bool followsLoop(linalg::LinalgOp op, unsigned loop) {
    return llvm::all_of(op.getIndexingMapsArray(), [&](AffineMap map) {
      return map.getNumResults() > 0 && map.getResults().back() == getAffineDimExpr(loop, map.getContext());
    });
  }

  /// The loop along which memory is contiguous: the last dimension of the result, or, for a reduction of whole rows,
  /// of the widest operand.
  static unsigned fastestLoop(linalg::LinalgOp op) {
    AffineMap widest = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    if (!isContraction(op))
      for (AffineMap map : op.getIndexingMapsArray())
        if (map.getNumResults() > widest.getNumResults())
          widest = map;
    if (widest.getNumResults() == 0)
      return 0;
    if (auto dim = dyn_cast<AffineDimExpr>(widest.getResults().back()))
      return dim.getPosition();
    return op.getNumLoops() - 1;
  }

  LogicalResult cleanUp(func::FuncOp kernel) {
    RewritePatternSet patterns(&getContext());
    linalg::populateLinalgTilingCanonicalizationPatterns(patterns);
    tensor::populateFoldTensorEmptyPatterns(patterns);
    scf::populateSCFForLoopCanonicalizationPatterns(patterns);
    scf::ForOp::getCanonicalizationPatterns(patterns, &getContext());
    scf::ForallOp::getCanonicalizationPatterns(patterns, &getContext());
    tensor::ExtractSliceOp::getCanonicalizationPatterns(patterns, &getContext());
    tensor::InsertSliceOp::getCanonicalizationPatterns(patterns, &getContext());
    tensor::CastOp::getCanonicalizationPatterns(patterns, &getContext());
    tensor::ExpandShapeOp::getCanonicalizationPatterns(patterns, &getContext());
    tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns, &getContext());
    tensor::EmptyOp::getCanonicalizationPatterns(patterns, &getContext());
    linalg::GenericOp::getCanonicalizationPatterns(patterns, &getContext());
    linalg::FillOp::getCanonicalizationPatterns(patterns, &getContext());
    for (Dialect *dialect : std::initializer_list<Dialect *>{getContext().getLoadedDialect<linalg::LinalgDialect>(),
                                                             getContext().getLoadedDialect<tensor::TensorDialect>(),
                                                             getContext().getLoadedDialect<affine::AffineDialect>()})
      dialect->getCanonicalizationPatterns(patterns);
    affine::AffineMinOp::getCanonicalizationPatterns(patterns, &getContext());
    affine::AffineApplyOp::getCanonicalizationPatterns(patterns, &getContext());
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
