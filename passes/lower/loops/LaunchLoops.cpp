// Connects compiled code with the runtime's scheduler. The pass works on the LLVM dialect, where a static memref is a
// single pointer (bare-pointer calling convention), so the buffers of a loop are passed as an array of pointers.
#include "dialect/VityaDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/loops/Passes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/DebugLog.h"
#include "llvm/Support/MathExtras.h"

#define DEBUG_TYPE "vitya-launch-loops"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_LAUNCHLOOPSPASS
#include "passes/lower/loops/Passes.h.inc"

namespace {

constexpr StringLiteral kParallelFor = "vitya_parallel_for";
/// The bytes of buffers that a loop keeps on the stack: enough for register tiles, which LLVM promotes to registers.
constexpr int64_t kMaxStackBytes = 16 << 10;
constexpr int64_t kAlignment = 64;

/// The bytes of `buffer` if its number of elements is a constant. Fails if they are negative or do not fit 32 bits.
FailureOr<std::optional<int64_t>> bytesOf(LLVM::AllocaOp buffer, const DataLayout &layout) {
  APInt count;
  if (!matchPattern(buffer.getArraySize(), m_ConstantInt(&count)))
    return std::optional<int64_t>();
  APInt bytes = count.sext(128) * layout.getTypeSize(buffer.getElemType()).getFixedValue();
  if (bytes.isNegative() || !bytes.isSignedIntN(32))
    return buffer.emitError() << "expected a buffer of less than 2^31 bytes, found " << llvm::toString(bytes, 10, true);
  return std::optional(bytes.getSExtValue());
}

/// Verifies that `call` is `loop(buffers..., begin, end)` of a loop in the module.
LogicalResult verifyLoopCall(LLVM::CallOp call) {
  auto loop = dyn_cast_or_null<LLVM::LLVMFuncOp>(call.resolveCallable());
  TypeRange types = call.getOperandTypes();
  if (loop && !loop.isExternal() && types.size() >= 2 && call->getNumResults() == 0 &&
      llvm::all_of(types.drop_back(2), llvm::IsaPred<LLVM::LLVMPointerType>) &&
      llvm::all_of(types.take_back(2), [](Type type) { return type.isInteger(64); }))
    return success();
  return call.emitError() << "expected a call of a function with a body that takes pointers and two i64, and returns "
                             "nothing";
}

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
  int64_t workspaceBytes = 0; ///< of the buffers between loops
  int64_t scratchBytes = 0;   ///< of the buffers of any one loop, which follow in the workspace

  LoopLauncher(ModuleOp module, LLVM::LLVMFuncOp entry)
      : module(module), entry(entry), builder(module.getContext()),
        pointer(LLVM::LLVMPointerType::get(module.getContext())), i64(builder.getI64Type()) {
    if (auto bytes = getDiscardable<VityaDialect::WorkspaceBytesAttrHelper>(module))
      workspaceBytes = bytes.getInt();
  }

  LLVM::LLVMFunctionType functionType(ArrayRef<Type> inputs) {
    return LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(module.getContext()), inputs);
  }

  LogicalResult run() {
    SmallVector<LLVM::CallOp> calls;
    int64_t slots = 0; // an upper bound of the captures of any call
    WalkResult result = entry.walk([&](LLVM::CallOp call) -> WalkResult {
      if (!getDiscardable<VityaDialect::LoopAttrHelper>(call))
        return success();
      calls.push_back(call);
      slots = std::max<int64_t>(slots, call.getNumOperands());
      return verifyLoopCall(call);
    });
    if (result.wasInterrupted())
      return failure();
    createSignature();
    builder.setInsertionPointToStart(&entry.getBody().front());
    captures = LLVM::AllocaOp::create(builder, entry.getLoc(), pointer, pointer,
                                      LLVM::ConstantOp::create(builder, entry.getLoc(), i64, slots));
    for (LLVM::CallOp call : calls)
      if (failed(launch(call)))
        return failure();
    SmallVector<StringRef> names;
    for (auto &[layer, index] : layers)
      names.push_back(layer.getValue());
    setDiscardable<VityaDialect::LayersAttrHelper>(module, builder.getStrArrayAttr(names));
    if (scratchBytes)
      setDiscardable<VityaDialect::WorkspaceBytesAttrHelper>(module,
                                                             builder.getI64IntegerAttr(workspaceBytes + scratchBytes));
    return success();
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
  LogicalResult launch(LLVM::CallOp call) {
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
    if (!body) {
      FailureOr<LLVM::LLVMFuncOp> created = createBody(loop, getNumCaptures(call));
      if (failed(created))
        return failure();
      body = *created;
    }
    LDBG() << "layer " << index << " (" << layer << ") launches @" << loop.getValue() << " with "
           << getNumCaptures(call) << " buffers";
    LLVM::CallOp::create(builder, loc, parallelFor,
                         ValueRange{context, LLVM::ConstantOp::create(builder, loc, i64, index),
                                    call.getOperands().back(), LLVM::AddressOfOp::create(builder, loc, body),
                                    captures});
    call.erase();
    return success();
  }

  /// Moves the largest buffers of `loop` from the stack to an argument that it gets, so that the rest takes at most
  /// `kMaxStackBytes`. Returns false if all of them fit.
  FailureOr<bool> moveBuffersFromStack(LLVM::LLVMFuncOp loop) {
    DataLayout layout(module);
    std::vector<std::pair<int64_t, LLVM::AllocaOp>> buffers; // each with its size in bytes
    int64_t total = 0;
    for (auto buffer : loop.getBody().front().getOps<LLVM::AllocaOp>()) {
      FailureOr<std::optional<int64_t>> bytes = bytesOf(buffer, layout);
      if (failed(bytes))
        return failure();
      if (!*bytes)
        continue;
      buffers.emplace_back(**bytes, buffer);
      total += **bytes;
    }
    if (total <= kMaxStackBytes)
      return false;
    SmallVector<Type> inputs(loop.getFunctionType().getParams());
    unsigned index = inputs.size();
    inputs.push_back(pointer);
    loop.setFunctionType(functionType(inputs));
    Value scratch = loop.getBody().front().addArgument(pointer, loop.getLoc());
    loop.setArgAttr(index, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
    loop.setArgAttr(index, LLVM::LLVMDialect::getAlignAttrName(), builder.getI64IntegerAttr(kAlignment));
    int64_t offset = 0;
    while (total > kMaxStackBytes) {
      OpBuilder::InsertionGuard guard(builder);
      auto &[bytes, buffer] = *llvm::max_element(buffers, llvm::less_first());
      builder.setInsertionPoint(buffer);
      buffer.replaceAllUsesWith(bytesAfter(buffer.getLoc(), scratch, offset));
      buffer.erase();
      offset += static_cast<int64_t>(llvm::alignTo(bytes, kAlignment));
      total -= std::exchange(bytes, 0);
    }
    LDBG() << "@" << loop.getSymName() << " has " << offset << " bytes in the workspace and " << total
           << " on the stack";
    scratchBytes = std::max(scratchBytes, offset);
    return true;
  }

  /// Creates void body(void **captures, int64_t begin, int64_t end, void *workspace), which loads the buffers and calls
  /// `loop`, and has its work.
  FailureOr<LLVM::LLVMFuncOp> createBody(StringAttr loop, size_t numCaptures) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(module.getBody());
    Location loc = module.getLoc();
    auto callee = module.lookupSymbol<LLVM::LLVMFuncOp>(loop);
    FailureOr<bool> needsWorkspace = moveBuffersFromStack(callee);
    if (failed(needsWorkspace))
      return failure();
    auto body = LLVM::LLVMFuncOp::create(builder, loc, (loop.getValue() + "_body").str(),
                                         functionType({pointer, i64, i64, pointer}), LLVM::Linkage::Internal);
    if (auto work = getDiscardable<VityaDialect::WorkAttrHelper>(callee)) {
      setDiscardable<VityaDialect::WorkAttrHelper>(body, work);
      callee->removeAttr(VityaDialect::WorkAttrHelper::getNameStr());
    }
    Block *block = body.addEntryBlock(builder);
    builder.setInsertionPointToStart(block);
    SmallVector<Value> operands;
    for (size_t i = 0; i < numCaptures; ++i)
      operands.push_back(LLVM::LoadOp::create(builder, loc, pointer, slot(loc, block->getArgument(0), i)));
    operands.append({block->getArgument(1), block->getArgument(2)});
    if (*needsWorkspace)
      operands.push_back(bytesAfter(loc, block->getArgument(3), workspaceBytes));
    LLVM::CallOp::create(builder, loc, callee, operands);
    LLVM::ReturnOp::create(builder, loc, ValueRange());
    return body;
  }

  /// The address `offset` bytes after `start`.
  Value bytesAfter(Location loc, Value start, int64_t offset) {
    return LLVM::GEPOp::create(builder, loc, pointer, builder.getI8Type(), start,
                               ValueRange{LLVM::ConstantOp::create(builder, loc, i64, offset)});
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
    if (failed(LoopLauncher(module, entry).run()))
      signalPassFailure();
  }
};

} // namespace
} // namespace vitya
