// Connects compiled code with the runtime's scheduler. Works on the LLVM dialect, where a static memref is one pointer
// (bare-pointer calling convention), so the buffers of a loop are an array of pointers.
#include "dialect/VityaDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "passes/lower/kernels/Passes.h"
#include "passes/lower/Kernel.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_LAUNCHLOOPSPASS
#include "passes/lower/kernels/Passes.h.inc"

namespace {

constexpr StringLiteral kParallelFor = "vitya_parallel_for";

struct LaunchLoops : impl::LaunchLoopsPassBase<LaunchLoops> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto entry = module.lookupSymbol<LLVM::LLVMFuncOp>(kEntryName);
    if (!entry || entry.isExternal()) {
      module.emitError() << "expected an LLVM function @" << kEntryName;
      return signalPassFailure();
    }
    SmallVector<LLVM::CallOp> calls;
    entry.walk([&](LLVM::CallOp call) {
      if (call->hasAttr(kLoopAttrName))
        calls.push_back(call);
    });
    OpBuilder builder(&getContext());
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    auto none = LLVM::LLVMVoidType::get(&getContext());
    Type i64 = builder.getI64Type();

    // FunctionOpInterface::insertArgument refuses LLVM functions that return nothing.
    SmallVector<Type> inputs{pointer};
    llvm::append_range(inputs, entry.getFunctionType().getParams());
    entry.setFunctionType(LLVM::LLVMFunctionType::get(none, inputs));
    Value context = entry.getBody().front().insertArgument(0u, pointer, entry.getLoc());
    entry.setName("vitya_forward");
    builder.setInsertionPointToStart(module.getBody());
    auto parallelFor =
        LLVM::LLVMFuncOp::create(builder, module.getLoc(), kParallelFor,
                                 LLVM::LLVMFunctionType::get(none, {pointer, i64, i64, pointer, pointer}));

    // One array serves all loops: a call returns when its loop is done.
    size_t most = 0;
    for (LLVM::CallOp call : calls)
      most = std::max<size_t>(most, call.getNumOperands());
    builder.setInsertionPointToStart(&entry.getBody().front());
    Value array = LLVM::AllocaOp::create(builder, entry.getLoc(), pointer, pointer,
                                         LLVM::ConstantOp::create(builder, entry.getLoc(), i64, most));

    llvm::MapVector<StringAttr, int64_t> layers;
    llvm::DenseMap<StringAttr, LLVM::LLVMFuncOp> bodies;
    for (LLVM::CallOp call : calls) {
      builder.setInsertionPoint(call);
      Location loc = call.getLoc();
      size_t captures = call.getNumOperands() - 2;
      for (size_t i = 0; i < captures; ++i) {
        Value slot = LLVM::GEPOp::create(builder, loc, pointer, pointer, array, ArrayRef<LLVM::GEPArg>{int32_t(i)});
        LLVM::StoreOp::create(builder, loc, call.getOperand(i), slot);
      }
      auto layer = call->getAttrOfType<StringAttr>(kLayerAttrName);
      if (!layer)
        layer = builder.getStringAttr(*call.getCallee());
      int64_t number = layers.insert({layer, layers.size()}).first->second;
      LLVM::LLVMFuncOp &body = bodies[builder.getStringAttr(*call.getCallee())];
      if (!body)
        body = makeBody(module, *call.getCallee(), captures);
      LLVM::CallOp::create(builder, loc, parallelFor,
                           ValueRange{context, LLVM::ConstantOp::create(builder, loc, i64, number),
                                      call.getOperands().back(), LLVM::AddressOfOp::create(builder, loc, body), array});
      call.erase();
    }
    SmallVector<StringRef> names;
    for (auto &[layer, number] : layers)
      names.push_back(layer.getValue());
    module->setAttr(kLayersAttrName, builder.getStrArrayAttr(names));
  }

  /// void body(void **captures, int64_t begin, int64_t end): loads the buffers and runs the loop.
  static LLVM::LLVMFuncOp makeBody(ModuleOp module, StringRef loop, size_t captures) {
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    Location loc = module.getLoc();
    auto pointer = LLVM::LLVMPointerType::get(module.getContext());
    Type i64 = builder.getI64Type();
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(module.getContext()), {pointer, i64, i64});
    auto body = LLVM::LLVMFuncOp::create(builder, loc, (loop + "_body").str(), type, LLVM::Linkage::Internal);
    Block *block = body.addEntryBlock(builder);
    builder.setInsertionPointToStart(block);
    SmallVector<Value> operands;
    for (size_t i = 0; i < captures; ++i) {
      Value slot = LLVM::GEPOp::create(builder, loc, pointer, pointer, block->getArgument(0),
                                       ArrayRef<LLVM::GEPArg>{int32_t(i)});
      operands.push_back(LLVM::LoadOp::create(builder, loc, pointer, slot));
    }
    operands.append({block->getArgument(1), block->getArgument(2)});
    auto callee = module.lookupSymbol<LLVM::LLVMFuncOp>(loop);
    LLVM::CallOp::create(builder, loc, callee, operands);
    LLVM::ReturnOp::create(builder, loc, ValueRange());
    return body;
  }
};

} // namespace
} // namespace vitya
