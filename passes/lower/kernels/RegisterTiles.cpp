#include "passes/lower/kernels/RegisterTiles.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/kernels/TileAndFuse.h"
#include "llvm/Support/DebugLog.h"
#include "llvm/Support/InterleavedRange.h"
#include "llvm/Support/MathExtras.h"

#define DEBUG_TYPE "vitya-tile-kernels"

using namespace mlir;

namespace vitya {
namespace {

SmallVector<linalg::LinalgOp> getOps(func::FuncOp kernel, llvm::function_ref<bool(linalg::LinalgOp)> select) {
  SmallVector<linalg::LinalgOp> ops;
  kernel.walk([&](linalg::LinalgOp op) {
    if (select(op))
      ops.push_back(op);
  });
  return ops;
}

/// Whether `op` is a contraction whose first two loops, and the only parallel ones, are the rows and columns of its
/// result. One with a packed weight has another loop, over the weight's inner tiles, by which its columns are cut
/// already.
bool isMatrixProduct(linalg::LinalgOp op) {
  return isContraction(op) && op.getNumParallelLoops() == 2 &&
         op.getMatchingIndexingMap(op.getDpsInitOperand(0)) ==
             AffineMap::getMultiDimIdentityMap(op.getNumLoops(), op->getContext()).getMajorSubMap(2);
}

//===----------------------------------------------------------------------===//
// Columns
//===----------------------------------------------------------------------===//

/// The only op that reads the result of `contraction`, if it is elementwise and has no other loops than rows and
/// columns, which a reshape may have split in two; `contraction` itself otherwise.
linalg::LinalgOp getColumnRoot(linalg::LinalgOp contraction) {
  Value result = contraction->getResult(0);
  while (result.hasOneUse()) {
    Operation *user = *result.user_begin();
    if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(user)) {
      result = user->getResult(0);
      continue;
    }
    auto root = dyn_cast<linalg::LinalgOp>(user);
    if (!root || !isElementwise(root))
      break;
    SmallVector<int64_t> ranges = contraction.getStaticLoopRanges(), rootRanges = root.getStaticLoopRanges();
    bool isIdentity = root.getMatchingIndexingMap(root.getDpsInitOperand(0)).isIdentity();
    bool hasSameRows = isIdentity && rootRanges.size() >= 2 && rootRanges.front() == ranges.front();
    return hasSameRows && llvm::product_of(rootRanges) == ranges[0] * ranges[1] ? root : contraction;
  }
  return contraction;
}

/// Cuts the columns of `contraction`, and of the elementwise op on its result, into those of register tiles and the
/// rest. A tile is complete before the next one begins, so that its sums never leave the registers.
LogicalResult cutColumns(linalg::LinalgOp contraction, int64_t columns) {
  linalg::LinalgOp root = getColumnRoot(contraction);
  // The loop to cut, and the columns of one of its iterations.
  constexpr unsigned kLoop = 1;
  SmallVector<int64_t> ranges = root.getStaticLoopRanges();
  int64_t perIteration = root == contraction ? 1 : llvm::product_of(ArrayRef(ranges).drop_front(kLoop + 1));
  if (columns % perIteration != 0)
    return success();
  SmallVector<int64_t> sizes(ranges.size(), 0);
  sizes[kLoop] = columns / perIteration;
  auto fuse = [&](linalg::LinalgOp part) {
    // Other operands of the root may be the results of contractions, too, which all tiles share.
    linalg::LinalgOp sums = root == contraction ? part : contraction;
    Operation *init = sums.getDpsInitOperand(0)->get().getDefiningOp();
    auto isOfSums = [=](tensor::ExtractSliceOp, OpResult producer,
                        bool) -> std::optional<scf::SCFTileAndFuseOptions::ControlFnResult> {
      if (producer.getOwner() != sums && producer.getOwner() != init)
        return std::nullopt;
      return scf::SCFTileAndFuseOptions::ControlFnResult{};
    };
    return tileAndFuse(part, sizes, scf::SCFTilingOptions::LoopType::ForOp, isOfSums);
  };
  int64_t rest = ranges[kLoop] % sizes[kLoop];
  if (rest == 0)
    return fuse(root);
  auto [whole, last] = splitLoop(root, kLoop, ranges[kLoop] - rest);
  if (failed(fuse(whole)))
    return failure();
  sizes[kLoop] = rest;
  return fuse(last);
}

LogicalResult cutColumns(func::FuncOp kernel, int64_t columns) {
  for (linalg::LinalgOp product : getOps(kernel, isMatrixProduct))
    if (product.getStaticLoopRanges()[1] > columns && failed(cutColumns(product, columns)))
      return failure();
  return cleanUp(kernel);
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

/// `value`, a slice of a tensor, with `size` elements along dimension `dim` instead. None if that tensor has no more.
/// Looks through reshapes that keep the dimension.
Value extend(OpBuilder &builder, Value value, int64_t dim, int64_t size) {
  Location loc = value.getLoc();
  SmallVector<int64_t> shape(cast<RankedTensorType>(value.getType()).getShape());
  shape[dim] = size;
  if (auto expand = value.getDefiningOp<tensor::ExpandShapeOp>()) {
    SmallVector<ReassociationIndices> groups = expand.getReassociationIndices();
    auto *group = llvm::find_if(groups, [&](ArrayRef<int64_t> dims) { return dims.back() == dim; });
    if (group == groups.end() || group->size() != 1)
      return nullptr;
    Value source = extend(builder, expand.getSrc(), group - groups.begin(), size);
    auto type = RankedTensorType::get(shape, expand.getResultType().getElementType());
    return source ? tensor::ExpandShapeOp::create(builder, loc, type, source, groups).getResult() : nullptr;
  }
  auto slice = value.getDefiningOp<tensor::ExtractSliceOp>();
  if (!slice || slice.getSourceType().getRank() != slice.getType().getRank() || slice.isDynamicOffset(dim) ||
      slice.getStaticStride(dim) != 1 || slice.getStaticOffset(dim) + size > slice.getSourceType().getDimSize(dim))
    return nullptr;
  SmallVector<OpFoldResult> sizes = slice.getMixedSizes();
  sizes[dim] = builder.getIndexAttr(size);
  return tensor::ExtractSliceOp::create(builder, loc, slice.getSource(), slice.getMixedOffsets(), sizes,
                                        slice.getMixedStrides());
}

/// Extends the columns of `contraction`, a product of matrices, to whole vectors if it reads some columns of a matrix
/// that has more. They are cheaper to compute than a part of a vector.
void computeWholeVectors(linalg::LinalgOp contraction) {
  int64_t columns = contraction.getStaticLoopRanges()[1], extended = llvm::alignTo(columns, kLanes);
  OpOperand *matrix = contraction.getDpsInputOperand(1), *init = contraction.getDpsInitOperand(0);
  auto fill = init->get().getDefiningOp<linalg::FillOp>();
  auto dim =
      contraction.getMatchingIndexingMap(matrix).getResultPosition(getAffineDimExpr(1, contraction->getContext()));
  if (columns == extended || !fill || !dim)
    return;
  OpBuilder builder(contraction);
  Value wholeVectors = extend(builder, matrix->get(), *dim, extended);
  if (!wholeVectors)
    return;
  LDBG() << "extending '" << contraction->getName() << "' of " << columns << " columns to " << extended;
  Location loc = contraction.getLoc();
  auto type = cast<RankedTensorType>(init->get().getType());
  Value empty = tensor::EmptyOp::create(builder, loc, {type.getDimSize(0), extended}, type.getElementType());
  Value zeros = linalg::FillOp::create(builder, loc, fill.getInputs(), empty).getResult(0);
  auto whole = cast<linalg::LinalgOp>(
      clone(builder, contraction, zeros.getType(), {contraction.getDpsInputs()[0], wholeVectors, zeros}));
  SmallVector<OpFoldResult> offsets(2, builder.getIndexAttr(0)), strides(2, builder.getIndexAttr(1));
  SmallVector<OpFoldResult> sizes = getAsIndexOpFoldResult(builder.getContext(), type.getShape());
  Value result = tensor::ExtractSliceOp::create(builder, loc, whole->getResult(0), offsets, sizes, strides);
  contraction->getResult(0).replaceAllUsesWith(result);
  contraction->erase();
}

/// Splits ops whose rows are not a multiple of a vector into one of whole vectors and one of the rest.
LogicalResult splitVectors(func::FuncOp kernel) {
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

/// Drops the loops of `op` that have one iteration from the sums of loops in its indexing maps, which windows of
/// pixels have. If one loop or none is left, the op can be vectorized.
void dropUnitLoopsFromSums(linalg::GenericOp op) {
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

/// Drops the loops of `op` that have one iteration and that `select` returns.
void dropUnitLoops(IRRewriter &rewriter, linalg::GenericOp op,
                   llvm::function_ref<SmallVector<unsigned>(linalg::LinalgOp)> select) {
  linalg::ControlDropUnitDims options;
  options.rankReductionStrategy = linalg::ControlDropUnitDims::RankReductionStrategy::ExtractInsertSlice;
  options.controlFn = [&](Operation *op) { return select(cast<linalg::LinalgOp>(op)); };
  rewriter.setInsertionPoint(op);
  FailureOr<linalg::DropUnitDimsResult> result = linalg::dropUnitDims(rewriter, op, options);
  if (succeeded(result)) // fails if there are no such loops
    rewriter.replaceOp(op, result->replacements);
}

/// The loops of a contraction except for the last reduction loop and the loop over the blocks of a short sum. Without
/// those of them that have one iteration it is a plain product of matrices.
SmallVector<unsigned> getLoopsOfTiles(linalg::LinalgOp contraction) {
  SmallVector<unsigned> loops, reductions;
  contraction.getParallelDims(loops);
  contraction.getReductionDims(reductions);
  llvm::append_range(loops, ArrayRef(reductions).drop_back(getGroupLoop(contraction) ? 2 : 1));
  return loops;
}

/// The reduction loops of an op whose body is not one that vectorization recognizes as a reduction. Without them the op
/// is elementwise, and can be vectorized whatever it computes.
SmallVector<unsigned> getOtherReductions(linalg::LinalgOp op) {
  SmallVector<unsigned> loops;
  SmallVector<Operation *> combiners;
  if (!matchReduction(op.getRegionOutputArgs(), 0, combiners))
    op.getReductionDims(loops);
  return loops;
}

/// Tiles `op` by `sizes`, and drops the loops of one iteration from its tiles.
LogicalResult tile(linalg::LinalgOp op, ArrayRef<int64_t> sizes) {
  LDBG() << "tiling '" << op->getName() << "' of " << llvm::interleaved_array(op.getStaticLoopRanges()) << " by "
         << llvm::interleaved_array(sizes);
  IRRewriter rewriter(op->getContext());
  rewriter.setInsertionPoint(op);
  scf::SCFTilingOptions options;
  options.setTileSizes(getAsIndexOpFoldResult(op->getContext(), sizes));
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
      dropUnitLoops(rewriter, generic, getLoopsOfTiles);
  }
  return success();
}

LogicalResult tileOps(func::FuncOp kernel, RegisterTile registerTile) {
  SmallVector<std::pair<linalg::LinalgOp, SmallVector<int64_t>>> tilings;
  WalkResult result = kernel.walk([&](linalg::LinalgOp op) {
    if (llvm::any_of(op.getStaticLoopRanges(), ShapedType::isDynamic)) {
      op.emitError("expected static sizes after tiling");
      return WalkResult::interrupt();
    }
    tilings.emplace_back(op, getRegisterTileSizes(op, registerTile));
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  for (auto &[op, sizes] : tilings)
    if (llvm::any_of(sizes, [](int64_t size) { return size != 0; }))
      if (failed(tile(op, sizes)))
        return failure();
  IRRewriter rewriter(kernel.getContext());
  for (linalg::LinalgOp op : getOps(kernel, [](linalg::LinalgOp op) { return !isContraction(op); }))
    if (auto generic = dyn_cast<linalg::GenericOp>(op.getOperation()))
      dropUnitLoops(rewriter, generic, getOtherReductions);
  return success();
}

} // namespace

LogicalResult tileToRegisters(func::FuncOp kernel, RegisterTile tile) {
  if (failed(cutColumns(kernel, tile.columns)))
    return failure();
  for (linalg::LinalgOp product : getOps(kernel, isMatrixProduct))
    computeWholeVectors(product);
  return failure(failed(splitVectors(kernel)) || failed(tileOps(kernel, tile)));
}

} // namespace vitya
