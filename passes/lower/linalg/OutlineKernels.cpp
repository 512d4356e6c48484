// Groups the ops of @main into kernels. A group is one op with weights, an attention, or any other op, plus what can
// be computed on its result while that is still in registers. Slices and reshapes cost nothing, so they are cloned
// into every kernel that reads through them.
#include "dialect/VityaOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "passes/lower/linalg/Passes.h"
#include "passes/lower/Kernel.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_OUTLINEKERNELSPASS
#include "passes/lower/linalg/Passes.h.inc"

namespace {

bool isView(Operation *op) {
  return op && isa<tensor::ExtractSliceOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op);
}

/// Ops that a group may end with: one result, computed element by element.
bool isElementwise(Operation *op) { return isa<GeluOp, QuantizeOp, arith::AddFOp, arith::MulFOp>(op); }

/// Columns of the result of a linear layer, which the lowering pads; 0 for another op.
int64_t linearColumns(Operation *op) {
  return isa<LinearOp, IntegerLinearOp>(op) ? cast<RankedTensorType>(op->getResult(0).getType()).getDimSize(1) : 0;
}

/// The name of the layer that `op` belongs to, or the name of the op.
StringRef layerName(Operation *op) {
  if (auto layer = op->getAttrOfType<StringAttr>("layer"))
    return layer.getValue();
  return op->getName().stripDialect();
}

/// The op whose result the elementwise consumers of `op` may be fused into, or null where `op` has no such consumer.
Operation *fusibleUser(Operation *op, const DominanceInfo &dominance, Operation *root) {
  if (!op->hasOneUse() || isa<QuantizeOp>(op))
    return nullptr;
  Operation *user = *op->user_begin();
  if (auto patchify = dyn_cast<PatchifyOp>(user))
    return isa<NormalizeOp>(op) ? user : nullptr;
  if (isa<NormalizeOp, PatchifyOp>(root) || !isElementwise(user))
    return nullptr;
  // A padded result is sliced by the caller, so nothing may follow it in the kernel.
  if (linearColumns(root) % kLanes != 0)
    return nullptr;
  bool available = llvm::all_of(user->getOperands(), [&](Value operand) {
    return operand == op->getResult(0) || dominance.properlyDominates(operand, root);
  });
  return available ? user : nullptr;
}

/// A readable name: the ops of the group and the sizes of its main op.
std::string kernelName(ArrayRef<Operation *> group) {
  std::string name;
  llvm::raw_string_ostream os(name);
  llvm::interleave(group, os, [&](Operation *op) { os << op->getName().stripDialect(); }, "_");
  Operation *root = group.front();
  os << '_';
  if (int64_t columns = linearColumns(root)) {
    llvm::interleave(cast<RankedTensorType>(root->getOperand(0).getType()).getShape(), os, "x");
    os << 'x' << columns;
  } else {
    llvm::interleave(cast<RankedTensorType>(group.back()->getResult(0).getType()).getShape(), os, "x");
  }
  return name;
}

struct OutlineKernels : impl::OutlineKernelsPassBase<OutlineKernels> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto entry = module.lookupSymbol<func::FuncOp>(kEntryName);
    if (!entry || entry.isExternal())
      return void(module.emitError() << "expected a function @" << kEntryName << " with a body"), signalPassFailure();
    SymbolTable symbols(module);
    DominanceInfo dominance(entry);

    DenseSet<Operation *> grouped;
    SmallVector<SmallVector<Operation *>> groups;
    for (Operation &op : entry.getBody().front().without_terminator()) {
      if (isView(&op) || isa<arith::ConstantOp, tensor::EmptyOp>(op) || grouped.contains(&op))
        continue;
      SmallVector<Operation *> &group = groups.emplace_back();
      for (Operation *next = &op; next; next = fusibleUser(next, dominance, &op)) {
        group.push_back(next);
        grouped.insert(next);
      }
    }
    llvm::StringMap<func::FuncOp> kernels;
    for (ArrayRef<Operation *> group : groups)
      outline(group, symbols, kernels);
    // Slices that only kernels read are theirs now.
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(entry.getBody().front())))
      if (isOpTriviallyDead(&op))
        op.erase();
  }

  /// Replaces `group` by a call of a kernel that computes it, which is made unless an equal one is in `kernels`.
  void outline(ArrayRef<Operation *> group, SymbolTable &symbols, llvm::StringMap<func::FuncOp> &kernels) {
    Operation *last = group.back();
    OpBuilder builder(last);
    std::string layer = layerName(group.front()).str();

    // Arguments: what the group reads, seen through views.
    llvm::SetVector<Operation *> views;
    llvm::SetVector<Value> arguments;
    std::function<void(Value)> collect = [&](Value value) {
      Operation *definition = value.getDefiningOp();
      if (definition && llvm::is_contained(group, definition))
        return;
      if (!isView(definition))
        return void(arguments.insert(value));
      for (Value operand : definition->getOperands())
        collect(operand);
      views.insert(definition);
    };
    for (Operation *op : group)
      for (Value operand : op->getOperands())
        collect(operand);

    std::string name = kernelName(group);
    auto type = builder.getFunctionType(TypeRange(arguments.getArrayRef()), last->getResultTypes());
    auto kernel = func::FuncOp::create(builder.getUnknownLoc(), name, type);
    kernel.setPrivate();
    kernel->setAttr(kKernelAttrName, builder.getUnitAttr());
    OpBuilder body = OpBuilder::atBlockBegin(kernel.addEntryBlock());
    IRMapping mapping;
    mapping.map(arguments.getArrayRef(), kernel.getArguments());
    auto clone = [&](Operation *op) {
      Operation *copy = body.clone(*op, mapping);
      copy->setLoc(builder.getUnknownLoc());
      if (copy->hasAttr("layer"))
        copy->setAttr("layer", builder.getStringAttr(name));
      // Of one layer; the kernel may serve many.
      for (StringRef name : {StringRef("info"), StringRef(kAttentionInfoAttrName), StringRef(kRangesAttrName)})
        copy->removeAttr(name);
    };
    for (Operation *view : views)
      clone(view);
    for (Operation *op : group)
      clone(op);
    func::ReturnOp::create(body, builder.getUnknownLoc(), mapping.lookup(last->getResult(0)));

    std::string text;
    llvm::raw_string_ostream os(text);
    kernel->print(os, OpPrintingFlags().useLocalScope());
    auto [it, inserted] = kernels.try_emplace(text, kernel);
    if (inserted)
      symbols.insert(kernel);
    else
      kernel.erase();
    auto call = func::CallOp::create(builder, last->getLoc(), it->second, arguments.getArrayRef());
    call->setAttr(kLayerAttrName, builder.getStringAttr(layer));
    last->replaceAllUsesWith(call);
    for (Operation *op : llvm::reverse(group))
      op->erase();
  }
};

} // namespace
} // namespace vitya
