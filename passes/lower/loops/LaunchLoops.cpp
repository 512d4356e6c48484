// Connects compiled code with the runtime's scheduler. The pass works on the LLVM dialect, where a static memref is a
// single pointer (bare-pointer calling convention), so the buffers of a loop are passed as an array of pointers.
#include "dialect/VityaDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/loops/Passes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "vitya-launch-loops"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_LAUNCHLOOPSPASS
#include "passes/lower/loops/Passes.h.inc"

namespace {

constexpr StringLiteral kParallelFor = "vitya_parallel_for";

/// How many buffers a call of an outlined loop passes; the last two operands are the range of iterations.
size_t getNumCaptures(LLVM::CallOp call) { return call.getNumOperands() - 2; }

/// Replaces calls of outlined loops by calls of the scheduler.
struct LoopLauncher {
  ModuleOp module;
  LLVM::LLVMFuncOp entry;
  OpBuilder builder;
  Type pointer, i64;
  LLVM::LLVMFuncOp parallelFor;
  Value context;  ///< of the scheduler: the first argument of the entry
  Value captures; ///< the array of pointers that all calls share, as a call returns when its loop is done
  llvm::MapVector<StringAttr, int64_t> layers; ///< the index of each layer, in order of the first call
  llvm::DenseMap<StringAttr, LLVM::LLVMFuncOp> bodies;

  LoopLauncher(ModuleOp module, LLVM::LLVMFuncOp entry)
      : module(module), entry(entry), builder(module.getContext()),
        pointer(LLVM::LLVMPointerType::get(module.getContext())), i64(builder.getI64Type()) {}

  LLVM::LLVMFunctionType functionType(ArrayRef<Type> inputs) {
    return LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(module.getContext()), inputs);
  }

  void run() {
    SmallVector<LLVM::CallOp> calls;
    int64_t slots = 0; // an upper bound of the captures of any call
    entry.walk([&](LLVM::CallOp call) {
      if (!getDiscardable<VityaDialect::LoopAttrHelper>(call))
        return;
      calls.push_back(call);
      slots = std::max<int64_t>(slots, call.getNumOperands());
    });
    createSignature();
    builder.setInsertionPointToStart(&entry.getBody().front());
    captures = LLVM::AllocaOp::create(builder, entry.getLoc(), pointer, pointer,
                                      LLVM::ConstantOp::create(builder, entry.getLoc(), i64, slots));
    for (LLVM::CallOp call : calls)
      launch(call);
    SmallVector<StringRef> names;
    for (auto &[layer, index] : layers)
      names.push_back(layer.getValue());
    setDiscardable<VityaDialect::LayersAttrHelper>(module, builder.getStrArrayAttr(names));
  }

  /// Renames the entry, adds the argument `context` in front of its others, and declares `vitya_parallel_for`.
  void createSignature() {
    // FunctionOpInterface::insertArgument does not support LLVM functions without a result.
    SmallVector<Type> inputs{pointer};
    llvm::append_range(inputs, entry.getFunctionType().getParams());
    entry.setFunctionType(functionType(inputs));
    context = entry.getBody().front().insertArgument(0u, pointer, entry.getLoc());
    entry.setName("vitya_forward");
    builder.setInsertionPointToStart(module.getBody());
    parallelFor = LLVM::LLVMFuncOp::create(builder, module.getLoc(), kParallelFor,
                                           functionType({pointer, i64, i64, pointer, pointer}));
  }

  /// Stores the buffers of `call` in the array and calls `vitya_parallel_for(context, layer, count, body, captures)`.
  void launch(LLVM::CallOp call) {
    builder.setInsertionPoint(call);
    Location loc = call.getLoc();
    for (size_t i = 0; i < getNumCaptures(call); ++i)
      LLVM::StoreOp::create(builder, loc, call.getOperand(i), slot(loc, captures, i));
    StringAttr loop = builder.getStringAttr(*call.getCallee());
    auto layer = getDiscardable<VityaDialect::LayerAttrHelper>(call);
    if (!layer)
      layer = loop;
    int64_t index = layers.insert({layer, layers.size()}).first->second;
    LLVM::LLVMFuncOp &body = bodies[loop];
    if (!body)
      body = createBody(loop, getNumCaptures(call));
    LDBG() << "layer " << index << " (" << layer << ") launches @" << loop.getValue() << " with "
           << getNumCaptures(call) << " buffers";
    LLVM::CallOp::create(builder, loc, parallelFor,
                         ValueRange{context, LLVM::ConstantOp::create(builder, loc, i64, index),
                                    call.getOperands().back(), LLVM::AddressOfOp::create(builder, loc, body),
                                    captures});
    call.erase();
  }

  /// Creates void body(void **captures, int64_t begin, int64_t end), which loads the buffers and calls `loop`.
  LLVM::LLVMFuncOp createBody(StringAttr loop, size_t numCaptures) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(module.getBody());
    Location loc = module.getLoc();
    auto body = LLVM::LLVMFuncOp::create(builder, loc, (loop.getValue() + "_body").str(),
                                         functionType({pointer, i64, i64}), LLVM::Linkage::Internal);
    Block *block = body.addEntryBlock(builder);
    builder.setInsertionPointToStart(block);
    SmallVector<Value> operands;
    for (size_t i = 0; i < numCaptures; ++i)
      operands.push_back(LLVM::LoadOp::create(builder, loc, pointer, slot(loc, block->getArgument(0), i)));
    operands.append({block->getArgument(1), block->getArgument(2)});
    LLVM::CallOp::create(builder, loc, module.lookupSymbol<LLVM::LLVMFuncOp>(loop), operands);
    LLVM::ReturnOp::create(builder, loc, ValueRange());
    return body;
  }

  /// The address of element `index` of an array of pointers.
  Value slot(Location loc, Value array, size_t index) {
    return LLVM::GEPOp::create(builder, loc, pointer, pointer, array, ArrayRef<LLVM::GEPArg>{int32_t(index)});
  }
};

struct LaunchLoops : impl::LaunchLoopsPassBase<LaunchLoops> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto entry = module.lookupSymbol<LLVM::LLVMFuncOp>(kEntryName);
    if (!entry || entry.isExternal()) {
      module.emitError() << "expected an LLVM function @" << kEntryName << " with a body";
      return signalPassFailure();
    }
    LoopLauncher(module, entry).run();
  }
};

} // namespace
} // namespace vitya
