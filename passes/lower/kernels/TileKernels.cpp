// Turns a kernel, which is a chain of linalg ops on whole tensors, into loops around ops of register size. Three steps:
//   1. Make the chain fusible: move reshapes to its ends and merge elementwise ops.
//   2. Tile its last op with a parallel loop and fuse the producers into it. Rows that fill no iteration are computed
//      after the loop. Kernels that already have a parallel loop (attention) keep it, and the elementwise ops that
//      follow are fused into it.
//   3. Inside, split the last op into whole tiles of rows and the rest, tile and fuse again, and tile every op down to
//      a few vector registers (RegisterTiles.h). If threads would not share the parallel loop evenly, the one over the
//      tiles of rows is parallel, too.
// TileSizes.h decides which loops are tiled by how much; this file applies the decisions.
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/SCF/Utils/Utils.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/kernels/Passes.h"
#include "passes/lower/kernels/RegisterTiles.h"
#include "passes/lower/kernels/TileAndFuse.h"
#include "passes/lower/kernels/TileSizes.h"
#include "llvm/Support/DebugLog.h"
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

/// Copies of the ops that `part`, a part of a kernel's last op, needs, so that its loop can compute them for its own
/// rows. What the kernel returns of them is completed by that loop.
class CopiedProducers {
public:
  CopiedProducers(func::FuncOp kernel, linalg::LinalgOp part) {
    SmallVector<Operation *> originals, clones;
    for (Operation &op : llvm::make_range(part->getBlock()->begin(), part->getIterator()))
      originals.push_back(&op);
    OpBuilder builder(part);
    IRMapping copies;
    for (Operation *op : originals)
      if (isa<linalg::LinalgOp>(op) || llvm::any_of(op->getOperands(), [&](Value v) { return copies.contains(v); }))
        clones.push_back(builder.clone(*op, copies));
    for (OpOperand &input : part->getOpOperands())
      if (!part.isDpsInit(&input))
        input.set(copies.lookupOrDefault(input.get()));
    for (OpOperand &operand : kernel.getBody().front().getTerminator()->getOpOperands())
      if (auto producer = operand.get().getDefiningOp<linalg::LinalgOp>())
        if (Value copy = copies.lookupOrNull(producer->getResult(0)); copy && !copy.use_empty())
          returned.push_back({&operand, operand.get(), copy});
    for (Operation *clone : llvm::reverse(clones))
      if (isOpTriviallyDead(clone))
        clone->erase();
  }

  /// Continues the results of the loop of the other part.
  void completeResults() {
    for (auto [operand, original, copy] : returned) {
      if (operand->get() == original) // not computed by that loop
        continue;
      copy.getDefiningOp<linalg::LinalgOp>().getDpsInitOperand(0)->set(operand->get());
      operand->set(copy);
    }
  }

private:
  struct Returned {
    OpOperand *operand; ///< of the kernel's terminator
    Value original, copy;
  };
  SmallVector<Returned> returned;
};

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
    if (failed(cleanUp(kernel)) || failed(tileToRegisters(kernel, {rows, columns})) || failed(cleanUp(kernel)))
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
    if (auto loops = kernel.getOps<scf::ForallOp>(); !loops.empty()) {
      if (failed(fuseConsumers(*loops.begin())))
        return failure();
      for (auto forall : kernel.getOps<scf::ForallOp>())
        writeInPlace(forall);
      return cleanUp(kernel);
    }
    auto root = dyn_cast_or_null<linalg::LinalgOp>(getProducer(getResult(kernel)));
    if (!root)
      return success(); // a copy, which needs no loop
    std::optional<SmallVector<int64_t>> sizes = getParallelTileSizes(root);
    if (!sizes)
      return success();
    auto *size = llvm::find_if(*sizes, [](int64_t size) { return size != 0; });
    unsigned loop = size - sizes->begin();
    int64_t range = root.getStaticLoopRanges()[loop], rest = range % *size;
    if (rest == 0)
      return makeParallel(root, *sizes);
    // The rest, a few rows, is computed after the parallel loop.
    auto [whole, last] = splitLoop(root, loop, range - rest);
    CopiedProducers producers(kernel, last);
    if (failed(makeParallel(whole, *sizes)))
      return failure();
    producers.completeResults();
    *size = rest;
    FailureOr<SmallVector<LoopLikeOpInterface>> loops =
        tileAndFuse(last, *sizes, scf::SCFTilingOptions::LoopType::ForOp, fuseParts);
    if (failed(loops))
      return failure();
    joinParts(cast<scf::ForOp>(loops->front()));
    return success();
  }

  LogicalResult makeParallel(linalg::LinalgOp root, ArrayRef<int64_t> sizes) {
    FailureOr<SmallVector<LoopLikeOpInterface>> loops =
        tileAndFuse(root, sizes, scf::SCFTilingOptions::LoopType::ForallOp, fuseParts);
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

  /// Makes the ops on the heads of an attention write into the tensors that their results are inserted into. Fusion has
  /// given them uninitialized tensors instead.
  static void writeInPlace(scf::ForallOp forall) {
    DominanceInfo dominance(forall);
    auto write = [&](auto insert) {
      auto source = insert.getSource().template getDefiningOp<linalg::LinalgOp>();
      if (!source || !source.getDpsInitOperand(0)->get().template getDefiningOp<tensor::EmptyOp>() ||
          !dominance.properlyDominates(insert.getDest(), source))
        return;
      OpBuilder builder(source);
      source.getDpsInitOperand(0)->set(
          tensor::ExtractSliceOp::create(builder, insert.getLoc(), insert.getSourceType(), insert.getDest(),
                                         insert.getMixedOffsets(), insert.getMixedSizes(), insert.getMixedStrides()));
    };
    forall.walk([&](tensor::InsertSliceOp insert) { write(insert); });
    forall.walk([&](tensor::ParallelInsertSliceOp insert) { write(insert); });
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

  /// The same for a sequential loop, where each part is inserted into the result of the part before.
  static void joinParts(scf::ForOp loop) {
    llvm::MapVector<Value, unsigned> whole;
    auto yield = cast<scf::YieldOp>(loop.getBody()->getTerminator());
    for (auto [index, init] : llvm::enumerate(loop.getInits())) {
      unsigned first = whole.insert({init, index}).first->second;
      if (first == index)
        continue;
      auto insert = yield.getOperand(index).getDefiningOp<tensor::InsertSliceOp>();
      insert->moveBefore(yield);
      insert.getDestMutable().assign(yield.getOperand(first));
      yield.setOperand(first, insert.getResult());
      loop.getResult(index).replaceAllUsesWith(loop.getResult(first));
    }
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

  /// Producers whose whole result is needed by every tile stay outside the loop, and so do copies into VNNI layout, of
  /// which the tiles may need only some columns. What else the kernel returns becomes another result of the loop.
  static std::optional<scf::SCFTileAndFuseOptions::ControlFnResult> fuseParts(tensor::ExtractSliceOp slice,
                                                                              OpResult producer, bool) {
    if (slice.getType() == producer.getType() || isCopyToVnniLayout(producer.getOwner()))
      return std::nullopt;
    return scf::SCFTileAndFuseOptions::ControlFnResult{/*yieldProducerReplacement=*/isReturned(producer)};
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
      std::tie(root, rest) = splitLoop(root, 0, rows - remainingRows);
    using LoopType = scf::SCFTilingOptions::LoopType;
    FailureOr<SmallVector<LoopLikeOpInterface>> loops =
        tileAndFuse(root, *sizes, isShared ? LoopType::ForallOp : LoopType::ForOp, fuseParts);
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
    return tileAndFuse(rest, *sizes, LoopType::ForOp, fuseParts);
  }
};

} // namespace
} // namespace vitya
