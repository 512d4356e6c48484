// Assigns every buffer of @main a fixed offset: constants in one blob of weights, all others in one workspace. Live
// ranges are intervals, because @main has a single block. Buffers whose live ranges do not overlap may share memory;
// they are placed first fit, in the order of their first use.
#include "dialect/Constants.h"
#include "dialect/VityaDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/loops/Passes.h"
#include "llvm/Support/DebugLog.h"
#include "llvm/Support/MathExtras.h"

#define DEBUG_TYPE "vitya-plan-memory"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "passes/lower/loops/Passes.h.inc"

namespace {

constexpr int64_t kAlignment = 64;

/// The size of a buffer in bytes, rounded up to the alignment.
int64_t getAlignedSize(MemRefType type) {
  return llvm::alignTo(type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8), kAlignment);
}

/// A buffer that is live from op `first` to op `last` of the entry's block, counted from 0, and its place.
struct LiveRange {
  memref::AllocOp alloc;
  int64_t first, last, bytes, offset;
};

struct PlanMemory : impl::PlanMemoryPassBase<PlanMemory> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto entry = module.lookupSymbol<func::FuncOp>(kEntryName);
    if (!entry || entry.isExternal() || !entry.getBody().hasOneBlock()) {
      module.emitError() << "expected a function @" << kEntryName << " of one block";
      return signalPassFailure();
    }
    if (failed(verifyBuffers(entry)) || failed(planWeights(module, entry)))
      return signalPassFailure();
    planWorkspace(module, entry);
  }

  /// Verifies that `entry` works on buffers whose sizes are known.
  static LogicalResult verifyBuffers(func::FuncOp entry) {
    if (!llvm::all_of(entry.getArgumentTypes(), llvm::IsaPred<MemRefType>) || entry.getNumResults() != 0)
      return entry.emitError() << "expected @" << kEntryName
                               << " to map buffers to nothing, as after vitya-outline-loops, found "
                               << entry.getFunctionType();
    WalkResult result = entry.walk([](Operation *op) {
      if (!isa<memref::AllocOp, memref::GetGlobalOp>(op))
        return WalkResult::advance();
      auto type = cast<MemRefType>(op->getResult(0).getType());
      if (isCountable(type.getShape()) && type.getElementType().isIntOrFloat())
        return WalkResult::advance();
      op->emitError() << "expected integers or floats, positive sizes and less than 2^31 elements, found " << type;
      return WalkResult::interrupt();
    });
    return failure(result.wasInterrupted());
  }

  static Value appendArgument(func::FuncOp entry, int64_t bytes) {
    auto type = MemRefType::get({bytes}, IntegerType::get(entry.getContext(), 8));
    (void)entry.insertArgument(entry.getNumArguments(), type, {}, entry.getLoc());
    return entry.getArguments().back();
  }

  static Value createView(OpBuilder &builder, Location loc, MemRefType type, Value bytes, int64_t offset) {
    Value shift = arith::ConstantIndexOp::create(builder, loc, offset);
    return memref::ViewOp::create(builder, loc, type, bytes, shift, ValueRange());
  }

  //===--------------------------------------------------------------------===//
  // Weights
  //===--------------------------------------------------------------------===//

  /// Replaces the global constants that `entry` reads by views of an argument, and gives the module their values in one
  /// blob.
  static LogicalResult planWeights(ModuleOp module, func::FuncOp entry) {
    SmallVector<memref::GetGlobalOp> reads;
    entry.walk([&](memref::GetGlobalOp read) { reads.push_back(read); });
    SymbolTable symbols(module);
    DenseMap<Operation *, int64_t> offsets;
    SmallVector<std::pair<memref::GlobalOp, memref::GetGlobalOp>> globals; // each with its first read
    int64_t total = 0;
    for (memref::GetGlobalOp read : reads) {
      auto global = symbols.lookup<memref::GlobalOp>(read.getName());
      if (!offsets.try_emplace(global, total).second)
        continue;
      globals.emplace_back(global, read);
      LDBG() << "weights + " << total << ": @" << global.getSymName() << ", " << global.getType();
      total += getAlignedSize(global.getType());
    }
    total = std::max(total, kAlignment); // the blob of a model without weights is not empty either
    Value weights = appendArgument(entry, total);
    auto copyAll = [&](MutableArrayRef<char> bytes) -> LogicalResult {
      llvm::fill(bytes, 0);
      for (auto [global, read] : globals)
        if (failed(copyInitialValue(global, read, bytes.data() + offsets[global])))
          return failure();
      return success();
    };
    auto type = RankedTensorType::get({total}, IntegerType::get(module.getContext(), 8));
    DenseResourceElementsAttr blob = makeResource(type, VityaDialect::WeightsAttrHelper::getNameStr(), copyAll);
    if (!blob)
      return failure();
    for (memref::GetGlobalOp read : reads) {
      OpBuilder builder(read);
      auto global = symbols.lookup<memref::GlobalOp>(read.getName());
      read.replaceAllUsesWith(createView(builder, read.getLoc(), global.getType(), weights, offsets[global]));
      read.erase();
    }
    for (auto [global, read] : globals) {
      releaseResource(*global.getInitialValue());
      global.erase();
    }
    setDiscardable<VityaDialect::WeightsAttrHelper>(module, blob);
    return success();
  }

  static LogicalResult copyInitialValue(memref::GlobalOp global, memref::GetGlobalOp read, char *destination) {
    auto refuse = [&](StringRef expected) -> LogicalResult {
      InFlightDiagnostic error = global.emitError(expected);
      error.attachNote(read.getLoc()) << "the constant is read here";
      return error;
    };
    auto value = dyn_cast_or_null<ElementsAttr>(global.getInitialValue().value_or(Attribute()));
    if (!value)
      return refuse("expected a constant with a value");
    ArrayRef<char> bytes = rawBytes(value);
    if (!bytes.empty()) {
      llvm::copy(bytes, destination);
      return success();
    }
    FailureOr<std::vector<char>> splat = readRaw(value);
    if (failed(splat))
      return refuse("expected a constant with all its bytes, or a splat");
    llvm::copy(*splat, destination);
    return success();
  }

  //===--------------------------------------------------------------------===//
  // Workspace
  //===--------------------------------------------------------------------===//

  /// Replaces the buffers that `entry` allocates by views of an argument, whose size the module gets.
  static void planWorkspace(ModuleOp module, func::FuncOp entry) {
    SmallVector<LiveRange> ranges = computeLiveRanges(entry);
    int64_t total = kAlignment;
    for (size_t i = 0; i < ranges.size(); ++i) {
      LiveRange &range = ranges[i];
      range.offset = findOffset(range, ArrayRef(ranges).take_front(i));
      total = std::max(total, range.offset + range.bytes);
      LDBG() << "workspace + " << range.offset << ": " << range.bytes << " bytes, live in ops " << range.first << " to "
             << range.last;
    }
    Value workspace = appendArgument(entry, total);
    for (LiveRange &range : ranges) {
      OpBuilder builder(range.alloc);
      range.alloc.replaceAllUsesWith(
          createView(builder, range.alloc.getLoc(), range.alloc.getType(), workspace, range.offset));
      range.alloc.erase();
    }
    setDiscardable<VityaDialect::WorkspaceBytesAttrHelper>(module,
                                                           Builder(module.getContext()).getI64IntegerAttr(total));
  }

  /// The live ranges of the buffers that `entry` allocates, in the order of their first use.
  static SmallVector<LiveRange> computeLiveRanges(func::FuncOp entry) {
    DenseMap<Operation *, int64_t> positions;
    for (Operation &op : entry.getBody().front())
      positions[&op] = positions.size();
    SmallVector<LiveRange> ranges;
    for (auto alloc : entry.getOps<memref::AllocOp>()) {
      LiveRange &range = ranges.emplace_back(LiveRange{alloc, INT64_MAX, 0, getAlignedSize(alloc.getType()), 0});
      addUses(alloc, positions, range);
    }
    llvm::sort(ranges, [&](const LiveRange &a, const LiveRange &b) {
      return std::pair(a.first, positions.lookup(a.alloc)) < std::pair(b.first, positions.lookup(b.alloc));
    });
    return ranges;
  }

  /// Extends `range` by the uses of `value` and of its views, each of which counts for the op of the entry around it.
  static void addUses(Value value, const DenseMap<Operation *, int64_t> &positions, LiveRange &range) {
    for (Operation *user : value.getUsers()) {
      Operation *ancestor = user;
      while (!positions.contains(ancestor))
        ancestor = ancestor->getParentOp();
      range.first = std::min(range.first, positions.lookup(ancestor));
      range.last = std::max(range.last, positions.lookup(ancestor));
      if (isa<ViewLikeOpInterface>(user))
        addUses(user->getResult(0), positions, range);
    }
  }

  /// The smallest offset at which `range` overlaps none of `placed` that is live at the same time.
  static int64_t findOffset(const LiveRange &range, ArrayRef<LiveRange> placed) {
    SmallVector<const LiveRange *> live;
    for (const LiveRange &other : placed)
      if (other.last >= range.first)
        live.push_back(&other);
    llvm::sort(live, [](const LiveRange *a, const LiveRange *b) { return a->offset < b->offset; });
    int64_t offset = 0;
    for (const LiveRange *other : live) {
      if (offset + range.bytes <= other->offset)
        break;
      offset = std::max(offset, other->offset + other->bytes);
    }
    return offset;
  }
};

} // namespace
} // namespace vitya
