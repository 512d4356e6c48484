// Splits bufferized kernels: each scf.forall becomes a function over a range of its iterations, the rest of a kernel
// (views, and copies that need no loop) moves to its callers. The results of @main become arguments.
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/lower/kernels/Passes.h"
#include "passes/lower/Kernel.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_OUTLINELOOPSPASS
#include "passes/lower/kernels/Passes.h.inc"

namespace {

constexpr int64_t kStackAlignment = 64;
/// Half of the stack that Linux gives a thread by default.
constexpr int64_t kMaxStackBytes = 4 << 20;

/// An outlined loop and the buffers of the kernel that it takes.
struct OutlinedLoop {
  func::FuncOp function;
  SmallVector<Value> captures;
  int64_t iterations;
};

struct OutlineLoops : impl::OutlineLoopsPassBase<OutlineLoops> {
  using Loops = DenseMap<Operation *, OutlinedLoop>;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    SmallVector<func::FuncOp> kernels;
    for (auto function : module.getOps<func::FuncOp>())
      if (function->hasAttr(kKernelAttrName))
        kernels.push_back(function);
    for (func::FuncOp kernel : kernels) {
      // The loops take the kernel's name.
      std::string name = kernel.getName().str();
      if (failed(symbols.rename(kernel, name + ".kernel")))
        return signalPassFailure();
      SmallVector<scf::ForallOp> foralls(kernel.getOps<scf::ForallOp>());
      Loops loops;
      for (scf::ForallOp forall : foralls) {
        FailureOr<OutlinedLoop> loop = outline(forall, name, kernel, symbols);
        if (failed(loop))
          return signalPassFailure();
        loops[forall] = *loop;
      }
      if (foralls.empty() && returnsArguments(kernel)) {
        FailureOr<OutlinedLoop> whole = outlineWhole(kernel, name, symbols);
        if (failed(whole))
          return signalPassFailure();
        loops[kernel] = *whole;
      }
      std::optional<SymbolTable::UseRange> uses = SymbolTable::getSymbolUses(kernel, module);
      for (SymbolTable::SymbolUse use : *uses)
        inlineCall(cast<func::CallOp>(use.getUser()), kernel, loops);
      symbols.erase(kernel);
    }
    if (failed(resultsToArguments(module)))
      return signalPassFailure();
  }

  /// Turns the results of @main into arguments. The upstream pass would rebuild the launches without their attributes,
  /// so the transformation is restricted to @main, which nothing calls.
  static LogicalResult resultsToArguments(ModuleOp module) {
    bufferization::BufferResultsToOutParamsOpts options;
    options.filterFn = [](func::FuncOp *function) { return function->getName() == kEntryName; };
    options.modifyPublicFunctions = true;
    options.hoistStaticAllocs = true;
    return bufferization::promoteBufferResultsToOutParams(module, options);
  }

  FailureOr<OutlinedLoop> outline(scf::ForallOp forall, StringRef name, func::FuncOp kernel, SymbolTable &symbols) {
    std::optional<SmallVector<OpFoldResult>> upper = forall.getLoopUpperBounds();
    std::optional<int64_t> iterations = getConstantIntValue(upper->front());
    if (forall.getRank() != 1 || !forall.isNormalized() || !iterations || !forall.getOutputs().empty())
      return forall.emitError("expected a parallel loop on buffers over one range from 0 with step 1");

    spillVectors(forall);
    // What the body reads: buffers become arguments; what is computed from those that only come in is cheap, a factor
    // or a shift, and is computed again.
    llvm::SetVector<Operation *> clones;
    llvm::SetVector<Value> captures;
    std::function<void(Value)> collect = [&](Value value) {
      Operation *op = value.getDefiningOp();
      bool clonable = op && (isa<ViewLikeOpInterface>(op) || isPure(op) || readsInput(op, kernel));
      if (!clonable)
        return void(captures.insert(value));
      for (Value operand : op->getOperands())
        collect(operand);
      clones.insert(op);
    };
    llvm::SetVector<Value> used;
    getUsedValuesDefinedAbove(forall.getRegion(), used);
    for (Value value : used)
      collect(value);
    for (Value capture : captures)
      if (!isa<MemRefType>(capture.getType()))
        return forall.emitError()
               << "expected a parallel loop that reads buffers, found one that reads a value of type "
               << capture.getType();

    OpBuilder builder(forall.getContext());
    Location loc = forall.getLoc();
    SmallVector<Type> types(llvm::map_range(captures, [](Value value) { return value.getType(); }));
    types.append(2, builder.getIndexType());
    auto function = func::FuncOp::create(loc, name, builder.getFunctionType(types, {}));
    function.setPrivate();
    symbols.insert(function, Block::iterator(kernel));
    Block *entry = function.addEntryBlock();
    builder.setInsertionPointToStart(entry);
    IRMapping mapping;
    mapping.map(captures.getArrayRef(), entry->getArguments().drop_back(2));
    for (Operation *op : clones)
      builder.clone(*op, mapping);
    Value one = arith::ConstantIndexOp::create(builder, loc, 1);
    Value begin = entry->getArgument(captures.size()), end = entry->getArgument(captures.size() + 1);
    auto loop = scf::ForOp::create(builder, loc, begin, end, one);
    mapping.map(forall.getInductionVar(0), loop.getInductionVar());
    builder.setInsertionPointToStart(loop.getBody());
    for (Operation &op : forall.getBody()->without_terminator())
      builder.clone(op, mapping);
    builder.setInsertionPointAfter(loop);
    func::ReturnOp::create(builder, loc);

    if (failed(moveScratchToEntry(function)))
      return failure();
    return OutlinedLoop{function, captures.takeVector(), *iterations};
  }

  /// Whether `op` reads one number of a buffer that `kernel` is given to read.
  static bool readsInput(Operation *op, func::FuncOp kernel) {
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
    return argument && argument.getOwner() == &kernel.getBody().front() &&
           argument.getArgNumber() + 1 != kernel.getNumArguments();
  }

  /// Vectors from outside the loop reach its iterations through buffers.
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
      auto makeOrigin = [&] {
        for (Value &index : origin)
          index = arith::ConstantIndexOp::create(builder, loc, 0);
      };
      makeOrigin();
      Value buffer =
          memref::AllocOp::create(builder, loc, MemRefType::get(type.getShape(), type.getElementType())).getResult();
      vector::TransferWriteOp::create(builder, loc, value, buffer, origin, ArrayRef(inBounds));
      builder.setInsertionPointToStart(forall.getBody());
      makeOrigin();
      Value padding = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type.getElementType()));
      Value read =
          vector::TransferReadOp::create(builder, loc, type, buffer, origin, padding, ArrayRef(inBounds)).getResult();
      value.replaceUsesWithIf(read, [&](OpOperand &use) { return forall->isProperAncestor(use.getOwner()); });
    }
  }

  /// Whether every result of `kernel` is one of its arguments: the destination, once it is a buffer.
  static bool returnsArguments(func::FuncOp kernel) {
    return llvm::all_of(kernel.getBody().front().getTerminator()->getOperands(), llvm::IsaPred<BlockArgument>);
  }

  /// A kernel without a parallel loop becomes a loop of one iteration.
  FailureOr<OutlinedLoop> outlineWhole(func::FuncOp kernel, StringRef name, SymbolTable &symbols) {
    OpBuilder builder(kernel.getContext());
    SmallVector<Type> types(kernel.getArgumentTypes());
    types.append(2, builder.getIndexType());
    auto function = func::FuncOp::create(kernel.getLoc(), name, builder.getFunctionType(types, {}));
    function.setPrivate();
    symbols.insert(function, Block::iterator(kernel));
    Block *entry = function.addEntryBlock();
    builder.setInsertionPointToStart(entry);
    IRMapping mapping;
    mapping.map(kernel.getArguments(), entry->getArguments().drop_back(2));
    for (Operation &op : kernel.getBody().front().without_terminator())
      builder.clone(op, mapping);
    func::ReturnOp::create(builder, kernel.getLoc());
    if (failed(moveScratchToEntry(function)))
      return failure();
    return OutlinedLoop{function, SmallVector<Value>(kernel.getArguments()), 1};
  }

  /// Scratch buffers live on the stack, made once a call and not once an iteration.
  static LogicalResult moveScratchToEntry(func::FuncOp function) {
    int64_t bytes = 0;
    SmallVector<memref::AllocOp> buffers;
    function.walk([&](memref::AllocOp alloc) { buffers.push_back(alloc); });
    for (memref::AllocOp alloc : buffers) {
      OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
      bytes += alloc.getType().getNumElements() * alloc.getType().getElementTypeBitWidth() / 8;
      alloc.replaceAllUsesWith(
          memref::AllocaOp::create(builder, alloc.getLoc(), alloc.getType(), builder.getI64IntegerAttr(kStackAlignment))
              .getResult());
      alloc.erase();
    }
    if (bytes > kMaxStackBytes)
      return function.emitError() << "expected at most " << kMaxStackBytes << " bytes of scratch memory, found "
                                  << bytes;
    return success();
  }

  /// Puts the body of `kernel` in the place of `call`, its loops as calls of their functions.
  static void inlineCall(func::CallOp call, func::FuncOp kernel, const Loops &loops) {
    OpBuilder builder(call);
    IRMapping mapping;
    mapping.map(kernel.getArguments(), call.getOperands());
    auto launch = [&](const OutlinedLoop &loop) {
      SmallVector<Value> operands;
      for (Value capture : loop.captures)
        operands.push_back(mapping.lookup(capture));
      operands.push_back(arith::ConstantIndexOp::create(builder, call.getLoc(), 0));
      operands.push_back(arith::ConstantIndexOp::create(builder, call.getLoc(), loop.iterations));
      auto launched = func::CallOp::create(builder, call.getLoc(), loop.function, operands);
      launched->setAttr(kLoopAttrName, builder.getUnitAttr());
      if (auto layer = call->getAttrOfType<StringAttr>(kLayerAttrName))
        launched->setAttr(kLayerAttrName, layer);
    };
    if (auto whole = loops.find(kernel); whole != loops.end()) {
      launch(whole->second);
    } else {
      for (Operation &op : kernel.getBody().front().without_terminator()) {
        if (auto loop = loops.find(&op); loop != loops.end())
          launch(loop->second);
        else
          builder.clone(op, mapping);
      }
    }
    Operation *terminator = kernel.getBody().front().getTerminator();
    for (auto [result, value] : llvm::zip_equal(call.getResults(), terminator->getOperands()))
      result.replaceAllUsesWith(mapping.lookupOrDefault(value));
    call.erase();
  }
};

} // namespace
} // namespace vitya
