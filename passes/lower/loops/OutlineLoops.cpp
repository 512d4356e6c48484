// Splits bufferized kernels. Each scf.forall becomes a function over a range of its iterations, and the rest of the
// kernel (views, and copies that need no loop) is inlined into the kernel's callers. The results of @main become
// arguments.
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/Inliner.h"
#include "mlir/Transforms/InliningUtils.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/loops/Passes.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "vitya-outline-loops"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_OUTLINELOOPSPASS
#include "passes/lower/loops/Passes.h.inc"

namespace {

constexpr int64_t kStackAlignment = 64;

/// The inliner, restricted to kernels: the loops that a kernel calls get the name of the layer that the inlined call
/// computes.
struct KernelInliner : InlinerInterface {
  using InlinerInterface::InlinerInterface;
  void processInlinedCallBlocks(Operation *call, iterator_range<Region::iterator> blocks) const override {
    auto layer = getDiscardable<VityaDialect::LayerAttrHelper>(call);
    for (Block &block : blocks)
      for (Operation &op : block)
        if (layer && op.hasAttr(VityaDialect::LoopAttrHelper::getNameStr()))
          setDiscardable<VityaDialect::LayerAttrHelper>(&op, layer);
  }
};

struct OutlineLoops : impl::OutlineLoopsPassBase<OutlineLoops> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    SmallVector<func::FuncOp> kernels;
    for (auto function : module.getOps<func::FuncOp>())
      if (getDiscardable<VityaDialect::KernelAttrHelper>(function))
        kernels.push_back(function);
    for (func::FuncOp kernel : kernels) {
      FailureOr<SmallVector<func::CallOp>> calls = callsOf(kernel, module);
      if (failed(calls) || failed(outlineLoops(kernel, symbols)) || failed(inlineInto(*calls, kernel)))
        return signalPassFailure();
      symbols.erase(kernel);
    }
    if (failed(convertResultsToArguments(module)))
      signalPassFailure();
  }

  /// Turns the results of @main into arguments. The upstream transformation rebuilds calls without their attributes, so
  /// it is restricted to @main, which nothing calls.
  static LogicalResult convertResultsToArguments(ModuleOp module) {
    bufferization::BufferResultsToOutParamsOpts options;
    options.filterFn = [](func::FuncOp *function) { return function->getName() == kEntryName; };
    options.modifyPublicFunctions = true;
    options.hoistStaticAllocs = true;
    return bufferization::promoteBufferResultsToOutParams(module, options);
  }

  /// Replaces every parallel loop of `kernel` by a call of a new function. A kernel without parallel loops becomes a
  /// loop of one iteration.
  static LogicalResult outlineLoops(func::FuncOp kernel, SymbolTable &symbols) {
    std::string name = kernel.getName().str();
    // The outlined loops take the kernel's name.
    if (failed(symbols.rename(kernel, name + ".kernel")))
      return failure();
    SmallVector<scf::ForallOp> loops(kernel.getOps<scf::ForallOp>());
    for (scf::ForallOp loop : loops)
      if (failed(outlineLoop(loop, name, kernel, symbols)))
        return failure();
    return loops.empty() ? outlineBody(kernel, name, symbols) : success();
  }

  static LogicalResult inlineInto(ArrayRef<func::CallOp> calls, func::FuncOp kernel) {
    KernelInliner inliner(kernel.getContext());
    for (func::CallOp call : calls) {
      if (failed(inlineCall(inliner, InlinerConfig().getCloneCallback(), call, kernel, &kernel.getBody()))) {
        InFlightDiagnostic error = call.emitError("expected a call of a kernel that can be inlined");
        error.attachNote(kernel.getLoc()) << "the kernel is defined here";
        return error;
      }
      call.erase();
    }
    return success();
  }

  //===--------------------------------------------------------------------===//
  // Outlining
  //===--------------------------------------------------------------------===//

  /// Moves `forall` into a function named after `name`, (buffers..., begin, end), and calls it for all iterations.
  static LogicalResult outlineLoop(scf::ForallOp forall, StringRef name, func::FuncOp kernel, SymbolTable &symbols) {
    std::optional<int64_t> iterations = getIterations(forall);
    if (!iterations)
      return forall.emitError("expected a parallel loop on buffers over one range from 0 with step 1");

    spillVectors(forall);
    llvm::SetVector<Operation *> clones;
    llvm::SetVector<Value> captures;
    collectCaptures(forall, kernel, captures, clones);
    for (Value capture : captures)
      if (!isa<MemRefType>(capture.getType())) {
        InFlightDiagnostic error =
            forall.emitError() << "expected a parallel loop that reads buffers, found one that reads a value of type "
                               << capture.getType();
        error.attachNote(capture.getLoc()) << "the value is defined here";
        return error;
      }

    func::FuncOp function = createLoopFunction(name, forall.getLoc(), captures.getArrayRef(), kernel, symbols);
    Block *entry = &function.getBody().front();
    OpBuilder builder = OpBuilder::atBlockBegin(entry);
    Location loc = forall.getLoc();
    IRMapping mapping;
    mapping.map(captures.getArrayRef(), entry->getArguments().drop_back(2));
    for (Operation *op : clones)
      builder.clone(*op, mapping);
    Value one = arith::ConstantIndexOp::create(builder, loc, 1);
    Value begin = entry->getArgument(captures.size()), end = entry->getArgument(captures.size() + 1);
    auto loop = scf::ForOp::create(builder, loc, begin, end, one);
    func::ReturnOp::create(builder, loc);
    mapping.map(forall.getInductionVar(0), loop.getInductionVar());
    builder.setInsertionPointToStart(loop.getBody());
    for (Operation &op : forall.getBody()->without_terminator())
      builder.clone(op, mapping);
    moveBuffersToStack(function);

    builder.setInsertionPoint(forall);
    createLoopCall(builder, loc, function, captures.getArrayRef(), *iterations);
    forall.erase();
    return success();
  }

  /// Moves the body of `kernel`, which has no parallel loop, into a function of one iteration. The allocations that the
  /// kernel returns, and views that it returns, stay behind. A kernel with results of another kind is not changed.
  static LogicalResult outlineBody(func::FuncOp kernel, StringRef name, SymbolTable &symbols) {
    Block *body = &kernel.getBody().front();
    llvm::SmallPtrSet<Operation *, 4> results;
    llvm::SetVector<Value> captures(kernel.args_begin(), kernel.args_end());
    for (Value result : body->getTerminator()->getOperands())
      while (Operation *op = result.getDefiningOp()) {
        bool isAllocation = isa<memref::AllocOp>(op) && op->getNumOperands() == 0;
        bool isView = isa<ViewLikeOpInterface>(op) && op->getNumOperands() == 1;
        if (!isAllocation && !isView)
          return success();
        results.insert(op);
        if (isAllocation) {
          captures.insert(result);
          break;
        }
        result = op->getOperand(0);
      }

    Location loc = kernel.getLoc();
    func::FuncOp function = createLoopFunction(name, loc, captures.getArrayRef(), kernel, symbols);
    Block *entry = &function.getBody().front();
    OpBuilder builder = OpBuilder::atBlockBegin(entry);
    IRMapping mapping;
    mapping.map(captures.getArrayRef(), entry->getArguments().drop_back(2));
    SmallVector<Operation *> moved;
    for (Operation &op : body->without_terminator()) {
      if (!results.contains(&op))
        moved.push_back(&op);
      else if (isa<memref::AllocOp>(op))
        continue;
      builder.clone(op, mapping);
    }
    func::ReturnOp::create(builder, loc);
    moveBuffersToStack(function);

    for (Operation *op : llvm::reverse(moved))
      op->erase();
    builder.setInsertionPoint(body->getTerminator());
    createLoopCall(builder, loc, function, captures.getArrayRef(), 1);
    return success();
  }

  /// An empty private function (buffers..., begin, end) in front of `kernel`. The first one takes the work of the
  /// kernel.
  static func::FuncOp createLoopFunction(StringRef name, Location loc, ValueRange buffers, func::FuncOp kernel,
                                         SymbolTable &symbols) {
    Builder builder(kernel.getContext());
    SmallVector<Type> types(buffers.getTypes());
    types.append(2, builder.getIndexType());
    auto function = func::FuncOp::create(loc, name, builder.getFunctionType(types, {}));
    function.setPrivate();
    symbols.insert(function, Block::iterator(kernel));
    function.addEntryBlock();
    if (auto work = getDiscardable<VityaDialect::WorkAttrHelper>(kernel)) {
      setDiscardable<VityaDialect::WorkAttrHelper>(function, work);
      auto done = WorkAttr::get(kernel.getContext(), work.getKernel(), 0, work.getProducts(), 0);
      setDiscardable<VityaDialect::WorkAttrHelper>(kernel, done);
    }
    LDBG() << "outlined @" << function.getName() << " of " << buffers.size() << " buffers";
    return function;
  }

  /// Calls the loop `function` for the iterations [0, `iterations`).
  static void createLoopCall(OpBuilder &builder, Location loc, func::FuncOp function, ValueRange buffers,
                             int64_t iterations) {
    SmallVector<Value> operands(buffers);
    operands.push_back(arith::ConstantIndexOp::create(builder, loc, 0));
    operands.push_back(arith::ConstantIndexOp::create(builder, loc, iterations));
    auto call = func::CallOp::create(builder, loc, function, operands);
    setDiscardable<VityaDialect::LoopAttrHelper>(call, builder.getUnitAttr());
  }

  //===--------------------------------------------------------------------===//
  // What a loop reads from outside
  //===--------------------------------------------------------------------===//

  /// Collects the values defined outside `forall` that its body depends on. Ops that are cheap to repeat (views, pure
  /// ops, and loads of one element of an input) go to `clones`, in order; all other values go to `captures`.
  static void collectCaptures(scf::ForallOp forall, func::FuncOp kernel, llvm::SetVector<Value> &captures,
                              llvm::SetVector<Operation *> &clones) {
    std::function<void(Value)> collect = [&](Value value) {
      Operation *op = value.getDefiningOp();
      bool isClonable = op && (isa<ViewLikeOpInterface>(op) || isPure(op) || readsInputElement(op, kernel));
      if (!isClonable)
        return void(captures.insert(value));
      for (Value operand : op->getOperands())
        collect(operand);
      clones.insert(op);
    };
    llvm::SetVector<Value> used;
    getUsedValuesDefinedAbove(forall.getRegion(), used);
    for (Value value : used)
      collect(value);
  }

  /// Whether `op` reads one element of an argument of `kernel` that the kernel does not write.
  static bool readsInputElement(Operation *op, func::FuncOp kernel) {
    Value buffer;
    if (auto load = dyn_cast<memref::LoadOp>(op))
      buffer = load.getMemRef();
    else if (auto read = dyn_cast<vector::TransferReadOp>(op); read && read.getVectorType().getNumElements() == 1)
      buffer = read.getBase();
    else
      return false;
    while (auto view = buffer.getDefiningOp<ViewLikeOpInterface>())
      buffer = view.getViewSource();
    auto argument = dyn_cast<BlockArgument>(buffer);
    return argument && argument.getOwner() == &kernel.getBody().front() && !isWritten(argument);
  }

  /// Whether an op may write `buffer`, or a view of it.
  static bool isWritten(Value buffer) {
    return llvm::any_of(buffer.getUsers(), [&](Operation *user) {
      if (isa<ViewLikeOpInterface>(user))
        return isWritten(user->getResult(0));
      return !isa<MemoryEffectOpInterface>(user) || hasEffect<MemoryEffects::Write>(user, buffer);
    });
  }

  /// Passes vectors defined outside `forall` to its iterations through buffers, as functions only take buffers.
  static void spillVectors(scf::ForallOp forall) {
    llvm::SetVector<Value> used;
    getUsedValuesDefinedAbove(forall.getRegion(), used);
    for (Value value : used) {
      auto type = dyn_cast<VectorType>(value.getType());
      if (!type || matchPattern(value, m_Constant()))
        continue;
      OpBuilder builder(forall);
      Location loc = value.getLoc();
      SmallVector<bool> inBounds(type.getRank(), true);
      SmallVector<Value> origin(type.getRank());
      auto createOrigin = [&] {
        for (Value &index : origin)
          index = arith::ConstantIndexOp::create(builder, loc, 0);
      };
      createOrigin();
      Value buffer =
          memref::AllocOp::create(builder, loc, MemRefType::get(type.getShape(), type.getElementType())).getResult();
      vector::TransferWriteOp::create(builder, loc, value, buffer, origin, ArrayRef(inBounds));
      builder.setInsertionPointToStart(forall.getBody());
      createOrigin();
      Value padding = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type.getElementType()));
      Value read =
          vector::TransferReadOp::create(builder, loc, type, buffer, origin, padding, ArrayRef(inBounds)).getResult();
      value.replaceUsesWithIf(read, [&](OpOperand &use) { return forall->isProperAncestor(use.getOwner()); });
      LDBG() << "spilled " << type << " for a loop of @" << forall->getParentOfType<func::FuncOp>().getName();
    }
  }

  /// Replaces the allocations of `function` by stack slots at its entry, which are allocated once per call instead of
  /// once per iteration.
  static void moveBuffersToStack(func::FuncOp function) {
    SmallVector<memref::AllocOp> buffers;
    function.walk([&](memref::AllocOp alloc) { buffers.push_back(alloc); });
    for (memref::AllocOp alloc : buffers) {
      OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
      alloc.replaceAllUsesWith(
          memref::AllocaOp::create(builder, alloc.getLoc(), alloc.getType(), builder.getI64IntegerAttr(kStackAlignment))
              .getResult());
      alloc.erase();
    }
  }
};

} // namespace
} // namespace vitya
