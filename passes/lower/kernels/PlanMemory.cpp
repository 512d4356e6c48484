// Gives every buffer of @main a fixed place: constants in one blob of weights, the rest in one workspace, where buffers
// share space unless they live at the same time (first fit in the order of first use; the liveness of a straight-line
// function is an interval).
#include "dialect/Constants.h"
#include "dialect/VityaDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "passes/lower/kernels/Passes.h"
#include "passes/lower/Kernel.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "passes/lower/kernels/Passes.h.inc"

namespace {

constexpr int64_t kAlignment = 64;

int64_t bytesOf(MemRefType type) {
  return llvm::alignTo(type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8), kAlignment);
}

/// A buffer that lives from op number `first` to op number `last` of the entry.
struct Interval {
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
    FailureOr<int64_t> weights = planWeights(module, entry);
    if (failed(weights))
      return signalPassFailure();
    int64_t workspace = planWorkspace(entry);
    module->setAttr(kWorkspaceAttrName, Builder(module.getContext()).getI64IntegerAttr(workspace));
  }

  static Value appendArgument(func::FuncOp entry, int64_t bytes) {
    auto type = MemRefType::get({bytes}, IntegerType::get(entry.getContext(), 8));
    (void)entry.insertArgument(entry.getNumArguments(), type, {}, entry.getLoc());
    return entry.getArguments().back();
  }

  static Value viewAt(OpBuilder &builder, Location loc, MemRefType type, Value bytes, int64_t offset) {
    Value shift = arith::ConstantIndexOp::create(builder, loc, offset);
    return memref::ViewOp::create(builder, loc, type, bytes, shift, ValueRange());
  }

  //===--------------------------------------------------------------------===//
  // Weights
  //===--------------------------------------------------------------------===//

  FailureOr<int64_t> planWeights(ModuleOp module, func::FuncOp entry) {
    SmallVector<memref::GetGlobalOp> reads;
    entry.walk([&](memref::GetGlobalOp read) { reads.push_back(read); });
    SymbolTable symbols(module);
    DenseMap<Operation *, int64_t> offsets;
    SmallVector<memref::GlobalOp> globals;
    int64_t total = 0;
    for (memref::GetGlobalOp read : reads) {
      auto global = symbols.lookup<memref::GlobalOp>(read.getName());
      if (offsets.try_emplace(global, total).second) {
        globals.push_back(global);
        total += bytesOf(global.getType());
      }
    }
    total = std::max(total, kAlignment); // a model without weights still has a blob
    Value weights = appendArgument(entry, total);
    std::vector<char> blob(total, 0);
    for (memref::GlobalOp global : globals)
      if (failed(copyInto(global, blob.data() + offsets[global])))
        return failure();
    for (memref::GetGlobalOp read : reads) {
      OpBuilder builder(read);
      auto global = symbols.lookup<memref::GlobalOp>(read.getName());
      read.replaceAllUsesWith(viewAt(builder, read.getLoc(), global.getType(), weights, offsets[global]));
      read.erase();
    }
    for (memref::GlobalOp global : globals) {
      releaseResource(*global.getInitialValue());
      global.erase();
    }
    auto type = RankedTensorType::get({total}, IntegerType::get(module.getContext(), 8));
    module->setAttr(kWeightsAttrName, makeResource(type, kWeightsAttrName, blob));
    return total;
  }

  static LogicalResult copyInto(memref::GlobalOp global, char *destination) {
    auto value = dyn_cast_or_null<ElementsAttr>(global.getInitialValue().value_or(Attribute()));
    if (!value)
      return global.emitError("expected a constant with a value");
    ArrayRef<char> bytes = rawBytes(value);
    if (!bytes.empty()) {
      llvm::copy(bytes, destination);
      return success();
    }
    FailureOr<std::vector<char>> splat = readRaw(value);
    if (failed(splat))
      return global.emitError("expected a constant with all its bytes, or one element for all");
    llvm::copy(*splat, destination);
    return success();
  }

  //===--------------------------------------------------------------------===//
  // Workspace
  //===--------------------------------------------------------------------===//

  static int64_t planWorkspace(func::FuncOp entry) {
    DenseMap<Operation *, int64_t> numbers;
    for (Operation &op : entry.getBody().front())
      numbers[&op] = numbers.size();
    SmallVector<Interval> intervals;
    for (auto alloc : entry.getOps<memref::AllocOp>()) {
      Interval &interval = intervals.emplace_back(Interval{alloc, INT64_MAX, 0, bytesOf(alloc.getType()), 0});
      addUses(alloc, numbers, interval);
    }
    llvm::sort(intervals, [&](const Interval &a, const Interval &b) {
      return std::pair(a.first, numbers.lookup(a.alloc)) < std::pair(b.first, numbers.lookup(b.alloc));
    });
    int64_t total = kAlignment;
    for (size_t i = 0; i < intervals.size(); ++i) {
      Interval &interval = intervals[i];
      // Those placed already that live at the same time, by offset; the first gap that is large enough is taken.
      SmallVector<const Interval *> taken;
      for (const Interval &other : ArrayRef(intervals).take_front(i))
        if (other.last >= interval.first)
          taken.push_back(&other);
      llvm::sort(taken, [](const Interval *a, const Interval *b) { return a->offset < b->offset; });
      for (const Interval *other : taken) {
        if (interval.offset + interval.bytes <= other->offset)
          break;
        interval.offset = std::max(interval.offset, other->offset + other->bytes);
      }
      total = std::max(total, interval.offset + interval.bytes);
    }
    Value workspace = appendArgument(entry, total);
    for (Interval &interval : intervals) {
      OpBuilder builder(interval.alloc);
      interval.alloc.replaceAllUsesWith(
          viewAt(builder, interval.alloc.getLoc(), interval.alloc.getType(), workspace, interval.offset));
      interval.alloc.erase();
    }
    return total;
  }

  /// Widens `interval` by the ops of the entry that use `value` or a view of it, themselves or within a loop.
  static void addUses(Value value, const DenseMap<Operation *, int64_t> &numbers, Interval &interval) {
    for (Operation *user : value.getUsers()) {
      Operation *top = user;
      while (!numbers.contains(top))
        top = top->getParentOp();
      interval.first = std::min(interval.first, numbers.lookup(top));
      interval.last = std::max(interval.last, numbers.lookup(top));
      if (isa<ViewLikeOpInterface>(user))
        addUses(user->getResult(0), numbers, interval);
    }
  }
};

} // namespace
} // namespace vitya
