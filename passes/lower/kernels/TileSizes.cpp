// Chooses the loops of a kernel's ops that are tiled, and by how much.
#include "passes/lower/kernels/TileSizes.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/kernels/WeightLayout.h"

using namespace mlir;

namespace vitya {

bool isElementwise(Operation *op) {
  auto linalgOp = dyn_cast_or_null<linalg::LinalgOp>(op);
  return linalgOp && isa<linalg::GenericOp>(op) && linalgOp.getNumParallelLoops() == linalgOp.getNumLoops();
}

bool isContraction(linalg::LinalgOp op) {
  return op.getNumDpsInputs() == 2 && op.getNumReductionLoops() > 0 && linalg::isaContractionOpInterface(op);
}

bool isColumnOrder(Operation *op) {
  return isElementwise(op) && !cast<linalg::GenericOp>(op).getBody()->getOps<tensor::ExtractOp>().empty();
}

/// Whether each element of the result of `op` is one of its only input.
static bool isCopy(linalg::GenericOp op) {
  return vitya::isElementwise(op.getOperation()) && op.getNumDpsInputs() == 1 &&
         op.getBody()->getTerminator()->getOperand(0) == op.getBody()->getArgument(0);
}

bool isCopyToVnniLayout(Operation *op) {
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic || !isCopy(generic) || !getElementTypeOrSelf(generic.getResult(0)).isInteger())
    return false;
  SmallVector<int64_t> ranges = generic.getStaticLoopRanges();
  return generic.getMatchingIndexingMap(generic.getDpsInitOperand(0)).isIdentity() && ranges.size() > 1 &&
         ranges.back() < kLanes;
}

/// The reduction loop over the inner tile of VNNI layout: the one along which both operands of a contraction are
/// contiguous. None for other ops and layouts.
static std::optional<unsigned> getVnniLoop(linalg::LinalgOp op) {
  if (!isContraction(op))
    return std::nullopt;
  auto innermost = [&](unsigned operand) { return op.getIndexingMapsArray()[operand].getResults().back(); };
  auto dim = dyn_cast<AffineDimExpr>(innermost(0));
  return dim && innermost(0) == innermost(1) ? std::optional<unsigned>(dim.getPosition()) : std::nullopt;
}

std::optional<unsigned> getGroupLoop(linalg::LinalgOp op) {
  std::optional<unsigned> vnniLoop = getVnniLoop(op);
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  return vnniLoop && *vnniLoop != reductions.back() ? std::optional(reductions.back()) : std::nullopt;
}

//===----------------------------------------------------------------------===//
// Parallel loops and rows
//===----------------------------------------------------------------------===//

/// The largest divisor of `range` up to `limit`.
static int64_t getLargestDivisor(int64_t range, int64_t limit) {
  int64_t size = std::min(range, limit);
  while (range % size != 0)
    --size;
  return size;
}

/// The most rows of an iteration of a parallel loop over rows. The sums of a row are long chains of dependent
/// instructions, and those of several rows fill each other's gaps.
constexpr int64_t kParallelRows = 5;

std::optional<SmallVector<int64_t>> getParallelTileSizes(linalg::LinalgOp root) {
  if (root.getNumParallelLoops() == 0)
    return std::nullopt;
  bool contracts = isContraction(root) || llvm::any_of(root->getOperands(), [](Value operand) {
                     auto producer = operand.getDefiningOp<linalg::LinalgOp>();
                     return producer && isContraction(producer);
                   });
  // The parallel loops of a contraction with a packed weight are rows, inner tiles, and the columns of a tile.
  unsigned loop = contracts && root.getNumParallelLoops() == 3 ? 1 : 0;
  int64_t range = root.getStaticLoopRanges()[loop];
  if (range == 1)
    return std::nullopt;
  SmallVector<int64_t> sizes(root.getNumLoops(), 0);
  if (contracts) {
    sizes[loop] = 1;
    return sizes;
  }
  // A number of rows that is nearly as large leaves no rest.
  int64_t rows = std::clamp<int64_t>(range / kParallelIterations, 1, kParallelRows);
  int64_t divisor = getLargestDivisor(range, rows);
  sizes[loop] = 2 * divisor > rows ? divisor : rows;
  return sizes;
}

std::optional<SmallVector<int64_t>> getRowTileSizes(linalg::LinalgOp root, int64_t rows) {
  if (root.getStaticLoopRanges().front() <= rows)
    return std::nullopt;
  SmallVector<int64_t> sizes(root.getNumLoops(), 0);
  sizes.front() = rows;
  return sizes;
}

//===----------------------------------------------------------------------===//
// Registers
//===----------------------------------------------------------------------===//

namespace {

/// Whether the body of `op` calls a math function.
bool hasMath(linalg::LinalgOp op) {
  return op
      ->walk([](Operation *nested) {
        return isa<math::MathDialect>(nested->getDialect()) ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Whether the body of `op` calls a function that becomes a polynomial, a long chain of dependent instructions.
bool hasElementaryFunction(linalg::LinalgOp op) {
  return op
      ->walk([](Operation *nested) {
        return isa<math::ErfOp, math::ExpOp, math::TanhOp>(nested) ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// The bytes of a vector register of 256 bits.
constexpr int64_t kBytes = 32;

/// Whether all operands of the elementwise `op` are bytes.
bool isOfBytes(linalg::LinalgOp op) {
  return isElementwise(op) &&
         llvm::all_of(op->getOperandTypes(), [](Type type) { return getElementTypeOrSelf(type).isInteger(8); });
}

/// Whether all operands are contiguous along `loop`, so that vectors along it need no broadcast.
bool isContiguousAlong(linalg::LinalgOp op, unsigned loop) {
  return llvm::all_of(op.getIndexingMapsArray(), [&](AffineMap map) {
    return map.getNumResults() > 0 && map.getResults().back() == getAffineDimExpr(loop, map.getContext());
  });
}

/// The loop to vectorize: the one along which the result is contiguous or, for reductions of whole rows, the operand of
/// highest rank.
unsigned getVectorLoop(linalg::LinalgOp op) {
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

/// The elements of a vector along a loop of `range` iterations, if up to `limit` elements are wanted.
int64_t getVectorSize(int64_t range, int64_t limit) {
  if (range % kLanes == 0)
    return chooseTileColumns(range, limit);
  return range < kLanes ? range : lanesOf(range);
}

/// Whether `op` copies a matrix of f32 with rows and columns exchanged.
bool isTransposition(linalg::LinalgOp op) {
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  if (!generic || !isCopy(generic) || op.getNumLoops() != 2 || !getElementTypeOrSelf(generic.getResult(0)).isF32())
    return false;
  AffineMap input = op.getMatchingIndexingMap(op.getDpsInputOperand(0));
  AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  return input.isPermutation() && result.isPermutation() && input != result;
}

/// The rows of a tile of an op with elementary functions, whose chains of instructions fill each other's gaps.
constexpr int64_t kFunctionRows = 2;

/// The sizes of a tile of `op` along all of its loops, whose ranges are `ranges`.
SmallVector<int64_t> chooseTile(linalg::LinalgOp op, ArrayRef<int64_t> ranges, RegisterTile tile) {
  SmallVector<int64_t> sizes(ranges.size(), 1);
  if (ranges.empty())
    return sizes;
  unsigned vectorLoop = getVectorLoop(op);
  if (isColumnOrder(op)) { // one window
    sizes[vectorLoop] = kLanes;
    return sizes;
  }
  if (isCopyToVnniLayout(op)) { // the small inner matrix becomes one vector
    sizes[vectorLoop] = ranges[vectorLoop];
    sizes[vectorLoop - 1] = getVectorSize(ranges[vectorLoop - 1], kLanes);
    return sizes;
  }
  if (isTransposition(op) && ranges[0] % kLanes == 0 && ranges[1] % kLanes == 0) {
    sizes.assign({kLanes, kLanes});
    return sizes;
  }
  // Contractions, and elementwise ops on their results that need no broadcast, work on a register tile, or on
  // `kFunctionRows` rows of it if they have elementary functions; other ops on one vector.
  bool usesTile =
      isContraction(op) || (op.getNumReductionLoops() == 0 && !hasMath(op) && isContiguousAlong(op, vectorLoop));
  int64_t limit = std::max(usesTile ? tile.columns : kLanes, isOfBytes(op) ? kBytes : kLanes);
  sizes[vectorLoop] = getVectorSize(ranges[vectorLoop], limit);
  // One dot product instruction reduces the whole inner tile of VNNI layout.
  if (std::optional<unsigned> loop = getVnniLoop(op))
    sizes[*loop] = ranges[*loop];
  if (std::optional<unsigned> loop = getGroupLoop(op))
    sizes[*loop] = ranges[*loop];
  bool fits = ranges.front() * std::max(sizes[vectorLoop], kLanes) <= tile.rows * tile.columns;
  if (!fits || op.getNumParallelLoops() < 2 || vectorLoop == 0)
    return sizes;
  if (usesTile)
    sizes.front() = ranges.front();
  else if (hasElementaryFunction(op) && op.getNumReductionLoops() == 0)
    sizes.front() = getLargestDivisor(ranges.front(), kFunctionRows);
  return sizes;
}

} // namespace

int64_t getTileRows(linalg::LinalgOp contraction, RegisterTile tile) {
  if (std::optional<unsigned> loop = getGroupLoop(contraction)) {
    int64_t group = contraction.getStaticLoopRanges()[*loop];
    return std::max<int64_t>(group == 1 ? tile.rows - 1 : group == 2 ? tile.rows / 2 : tile.rows / 3, 1);
  }
  if (contraction.getNumParallelLoops() != 3)
    return tile.rows;
  int64_t columns = getVectorSize(contraction.getStaticLoopRanges()[getVectorLoop(contraction)], tile.columns);
  return std::max(tile.rows, tile.rows * tile.columns / (2 * std::max(columns, kLanes)));
}

std::optional<std::pair<unsigned, int64_t>> getWholeVectors(linalg::LinalgOp op) {
  if (op.getNumLoops() == 0)
    return std::nullopt;
  unsigned loop = getVectorLoop(op);
  if (isCopyToVnniLayout(op))
    --loop;
  int64_t range = op.getStaticLoopRanges()[loop], whole = range - range % kLanes;
  if (ShapedType::isDynamic(range) || whole == 0 || whole == range ||
      !linalg::isParallelIterator(op.getIteratorTypesArray()[loop]))
    return std::nullopt;
  return std::pair(loop, whole);
}

SmallVector<int64_t> getRegisterTileSizes(linalg::LinalgOp op, RegisterTile tile) {
  SmallVector<int64_t> ranges = op.getStaticLoopRanges(), sizes = chooseTile(op, ranges, tile);
  for (auto [size, range] : llvm::zip_equal(sizes, ranges))
    if (size == range)
      size = 0;
  return sizes;
}

} // namespace vitya
