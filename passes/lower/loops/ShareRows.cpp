// Distributes the rows of parallel loops that have too few iterations for threads to share them evenly.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/loops/Passes.h"
#include "llvm/Support/DebugLog.h"
#include "llvm/Support/MathExtras.h"

#define DEBUG_TYPE "vitya-share-rows"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_SHAREROWSPASS
#include "passes/lower/loops/Passes.h.inc"

namespace {

struct ShareRows : impl::ShareRowsPassBase<ShareRows> {
  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    if (!getDiscardable<VityaDialect::KernelAttrHelper>(kernel))
      return;
    for (auto outer : llvm::make_early_inc_range(kernel.getOps<scf::ForallOp>()))
      if (auto nested = outer.getOps<scf::ForallOp>(); !nested.empty() && failed(distribute(outer, *nested.begin())))
        return signalPassFailure();
  }

  static bool writesMemory(Operation *op) {
    std::optional<SmallVector<MemoryEffects::EffectInstance>> effects = getEffectsRecursively(op);
    return !effects || llvm::any_of(*effects, [](const MemoryEffects::EffectInstance &effect) {
      return isa<MemoryEffects::Write>(effect.getEffect());
    });
  }

  /// The number of parts of each of `iterations` iterations: the fewest, at least two, of which there are in all enough
  /// for any number of threads and an even number for two.
  static int64_t chooseParts(int64_t iterations) {
    int64_t parts = 2;
    while (iterations * parts < kParallelIterations || iterations * parts % 2 != 0)
      ++parts;
    return parts;
  }

  /// Replaces `outer`, each iteration of which has a loop `inner` over tiles of rows, by a loop over parts of both.
  static LogicalResult distribute(scf::ForallOp outer, scf::ForallOp inner) {
    std::optional<int64_t> iterations = getIterations(outer), tiles = getIterations(inner);
    if (iterations.value_or(0) <= 0 || tiles.value_or(0) <= 0)
      return outer.emitError(
          "expected nested parallel loops on buffers, each over one range from 0 with step 1 that is not empty");
    for (Operation &op : llvm::make_range(outer.getBody()->begin(), inner->getIterator()))
      if (writesMemory(&op)) {
        InFlightDiagnostic error = outer.emitError("expected a parallel loop that writes nothing before its rows");
        error.attachNote(op.getLoc()) << "this op writes a buffer";
        return error;
      }
    int64_t size = llvm::divideCeil(*tiles, std::min(chooseParts(*iterations), *tiles));
    int64_t parts = llvm::divideCeil(*tiles, size);
    LDBG() << *iterations << " iterations of " << *tiles << " tiles become " << *iterations * parts;

    OpBuilder builder(outer);
    Location loc = outer.getLoc();
    auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(builder, loc, value); };
    auto loop =
        scf::ForallOp::create(builder, loc, SmallVector<OpFoldResult>{builder.getIndexAttr(*iterations * parts)},
                              ValueRange(), /*mapping=*/std::nullopt);
    builder.setInsertionPointToStart(loop.getBody());
    Value count = index(parts);
    Value iteration = arith::DivUIOp::create(builder, loc, loop.getInductionVar(0), count);
    Value part = arith::RemUIOp::create(builder, loc, loop.getInductionVar(0), count);
    outer.getInductionVar(0).replaceAllUsesWith(iteration);
    moveOps(outer.getBody()->begin(), outer.getBody()->getTerminator()->getIterator(), loop.getBody());

    builder.setInsertionPoint(inner);
    Value sizeOfPart = index(size);
    Value begin = arith::MulIOp::create(builder, loc, part, sizeOfPart);
    Value end = arith::AddIOp::create(builder, loc, begin, sizeOfPart);
    if (*tiles % size != 0)
      end = arith::MinUIOp::create(builder, loc, end, index(*tiles));
    auto rows = scf::ForOp::create(builder, loc, begin, end, index(1));
    inner.getInductionVar(0).replaceAllUsesWith(rows.getInductionVar());
    moveOps(inner.getBody()->begin(), inner.getBody()->getTerminator()->getIterator(), rows.getBody());
    auto rest = std::next(inner->getIterator());
    if (rest != loop.getBody()->getTerminator()->getIterator()) {
      Value isLast = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, part, index(parts - 1));
      auto conditional = scf::IfOp::create(builder, loc, isLast, /*withElseRegion=*/false);
      moveOps(rest, loop.getBody()->getTerminator()->getIterator(), conditional.thenBlock());
    }
    inner.erase();
    outer.erase();
    return success();
  }

  /// Moves the ops from `begin` to `end` in front of the terminator of `block`.
  static void moveOps(Block::iterator begin, Block::iterator end, Block *block) {
    block->getOperations().splice(block->getTerminator()->getIterator(), begin->getBlock()->getOperations(), begin,
                                  end);
  }
};

} // namespace
} // namespace vitya
