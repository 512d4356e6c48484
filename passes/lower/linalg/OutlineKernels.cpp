// Groups the ops of @main into kernels. A group starts with any op that computes and continues with the elementwise ops
// that can be applied to its result while the result is still in registers. The parameters of a token are chosen and
// applied in one kernel, if possible in that of the norm that computes the token. Slices and reshapes cost nothing, so
// each kernel that reads through them has a copy.
#include "dialect/VityaOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OperationSupport.h"
#include "mlir/IR/SymbolTable.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/linalg/Passes.h"
#include "passes/lower/linalg/VityaToLinalg.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/DebugLog.h"
#include "llvm/Support/MathExtras.h"

#define DEBUG_TYPE "vitya-outline-kernels"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_OUTLINEKERNELSPASS
#include "passes/lower/linalg/Passes.h.inc"

namespace {

bool isView(Operation *op) {
  return op && isa<tensor::ExtractSliceOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op);
}

/// Verifies that a kernel can compute `op`: that it has one result, and that its tensors have bytes.
LogicalResult verifyGroupable(Operation *op) {
  if (failed(detail::verifyNotQuantized(op)))
    return failure();
  for (Type type : llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes())) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (isa<TensorType>(type) && !(tensor && tensor.hasStaticShape() && tensor.getElementType().isIntOrFloat()))
      return op->emitOpError() << "expected static tensors of integers or floats, found " << type;
  }
  if (op->getNumResults() != 1 || !isa<TensorType>(op->getResult(0).getType()))
    return op->emitOpError() << "expected one result, a tensor, found (" << op->getResultTypes() << ")";
  return success();
}

/// Whether `op` may continue a group: it has one result, computed element by element.
bool isElementwise(Operation *op) {
  return isa<GeluOp, ReluOp, SiluOp, ToBf16Op, ScaleColumnsOp, QuantizeOp, arith::AddFOp, arith::MulFOp>(op);
}

/// The number of columns of the result of a linear layer, which the lowering pads; 0 for any other op.
int64_t linearColumns(Operation *op) {
  return isa<LinearOp, IntegerLinearOp>(op) ? cast<RankedTensorType>(op->getResult(0).getType()).getDimSize(1) : 0;
}

/// The name of the layer that `op` belongs to, or the name of the op.
StringRef layerName(Operation *op) {
  if (auto layer = dyn_cast<LayerOpInterface>(op))
    return layer.getLayer();
  return op->getName().stripDialect();
}

/// The op that continues the group of `root` after `op`, or null if the group ends with `op`.
Operation *fusibleUser(Operation *op, const DominanceInfo &dominance, Operation *root) {
  if (!op->hasOneUse() || isa<QuantizeOp>(op))
    return nullptr;
  Operation *user = *op->user_begin();
  if (auto patchify = dyn_cast<PatchifyOp>(user))
    return isa<NormalizeOp>(op) ? user : nullptr;
  if (isa<NormalizeOp, PatchifyOp>(root) || !isElementwise(user))
    return nullptr;
  // The caller slices a padded result, so no op may follow in the kernel.
  if (linearColumns(root) % kLanes != 0)
    return nullptr;
  bool available = llvm::all_of(user->getOperands(), [&](Value operand) {
    return operand == op->getResult(0) || dominance.properlyDominates(operand, root);
  });
  return available ? user : nullptr;
}

/// The quantization of the tokens that `op` computes or, if `op` is a choose_qparams itself, quantizes: choose_qparams
/// and quantize. Empty if there is none, or if anything else reads these tokens.
SmallVector<Operation *, 2> quantizationOfTokens(Operation *op) {
  auto choose = dyn_cast<ChooseQParamsOp>(op);
  if (!choose && isa<LayerNormOp, RmsNormOp>(op) && llvm::hasNItems(op->getUses(), 2))
    for (Operation *user : op->getUsers())
      if (auto found = dyn_cast<ChooseQParamsOp>(user))
        choose = found;
  if (!choose || choose.getGranularity() != Granularity::token)
    return {};
  for (Operation *user : choose->getUsers())
    if (auto quantize = dyn_cast<QuantizeOp>(user); quantize && quantize.getInput() == choose.getInput())
      return {choose, quantize};
  return {};
}

/// A readable name: the ops of the group and the sizes of its first op.
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

/// The bytes of a tensor, in which integers of 4 bits share bytes; 0 for other types.
int64_t bytesOf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? llvm::divideCeil(tensor.getNumElements() * tensor.getElementTypeBitWidth(), 8) : 0;
}

/// What one call of `kernel`, which computes `group`, has to do. Only the first op of a group has products.
WorkAttr workOf(func::FuncOp kernel, ArrayRef<Operation *> group) {
  auto layer = dyn_cast<LayerOpInterface>(group.front());
  LayerFormat format = layer ? layer.getFormat() : LayerFormat::f32();
  ProductKind products = format.isInteger() ? ProductKind::i8 : format.isBf16() ? ProductKind::bf16 : ProductKind::f32;
  if (auto linear = dyn_cast<IntegerLinearOp>(group.front()); linear && linear.getGroup()) {
    constexpr ProductKind kShortSums[] = {ProductKind::shortSums1, ProductKind::shortSums2, ProductKind::shortSums4,
                                          ProductKind::shortSums8};
    products = kShortSums[std::min<unsigned>(llvm::Log2_64(*linear.getGroup()), 3)];
  }
  int64_t bytes = 0;
  for (TypeRange types : {kernel.getArgumentTypes(), kernel.getResultTypes()})
    for (Type type : types)
      bytes += bytesOf(type);
  return WorkAttr::get(kernel.getContext(), kernel.getName(), layer ? layer.getMultiplyAdds() : 0, products, bytes);
}

/// Whether two kernels have the same type and equivalent bodies.
bool isEqual(func::FuncOp a, func::FuncOp b) {
  return a.getFunctionType() == b.getFunctionType() &&
         OperationEquivalence::isRegionEquivalentTo(&a.getBody(), &b.getBody(), OperationEquivalence::IgnoreLocations);
}

struct OutlineKernels : impl::OutlineKernelsPassBase<OutlineKernels> {
  /// The kernels that exist, by the name that `kernelName` gives them. Only kernels of one name can be equal.
  using Kernels = llvm::StringMap<SmallVector<func::FuncOp, 1>>;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto entry = module.lookupSymbol<func::FuncOp>(kEntryName);
    if (!entry || !entry.getBody().hasOneBlock()) {
      module.emitError() << "expected a function @" << kEntryName << " with a body of one block";
      return signalPassFailure();
    }
    SymbolTable symbols(module);
    DominanceInfo dominance(entry);

    DenseSet<Operation *> grouped;
    SmallVector<SmallVector<Operation *>> groups;
    for (Operation &op : entry.getBody().front().without_terminator()) {
      if (isView(&op) || isa<arith::ConstantOp, tensor::EmptyOp>(op) || grouped.contains(&op))
        continue;
      if (failed(verifyGroupable(&op)))
        return signalPassFailure();
      SmallVector<Operation *> &group = groups.emplace_back();
      for (Operation *next = &op; next; next = fusibleUser(next, dominance, &op))
        group.push_back(next);
      for (Operation *next : quantizationOfTokens(group.back()))
        if (next != &op)
          group.push_back(next);
      grouped.insert_range(group);
    }
    Kernels kernels;
    for (ArrayRef<Operation *> group : groups)
      outline(group, symbols, kernels);
    // Erases views that only kernels read: the kernels have copies.
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(entry.getBody().front())))
      if (isOpTriviallyDead(&op))
        op.erase();
  }

  /// Replaces `group` by a call of a kernel that computes it: one of `kernels`, or a new one that is added to them.
  void outline(ArrayRef<Operation *> group, SymbolTable &symbols, Kernels &kernels) {
    OpBuilder builder(group.front());
    std::string layer = layerName(group.front()).str();

    // The arguments are the values that the group reads; views are looked through and copied into the kernel.
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

    SmallVector<Value> results;
    for (Operation *op : group)
      if (llvm::any_of(op->getUsers(), [&](Operation *user) { return !llvm::is_contained(group, user); }))
        results.push_back(op->getResult(0));

    std::string name = kernelName(group);
    auto type = builder.getFunctionType(TypeRange(arguments.getArrayRef()), TypeRange(results));
    auto kernel = func::FuncOp::create(builder.getUnknownLoc(), name, type);
    kernel.setPrivate();
    setDiscardable<VityaDialect::KernelAttrHelper>(kernel, builder.getUnitAttr());
    OpBuilder body = OpBuilder::atBlockBegin(kernel.addEntryBlock());
    IRMapping mapping;
    mapping.map(arguments.getArrayRef(), kernel.getArguments());
    auto clone = [&](Operation *op) {
      Operation *copy = body.clone(*op, mapping);
      copy->setLoc(builder.getUnknownLoc());
      auto layer = dyn_cast<LayerOpInterface>(copy);
      if (!layer)
        return;
      // The kernel may serve several layers, so it keeps nothing that describes one of them.
      layer.setLayer(name);
      copy->removeAttr(VityaDialect::AttentionInfoAttrHelper::getNameStr());
      copy->removeAttr(VityaDialect::RangesAttrHelper::getNameStr());
      if (auto linear = dyn_cast<LinearOp>(copy))
        linear.removeInfoAttr();
    };
    for (Operation *view : views)
      clone(view);
    for (Operation *op : group)
      clone(op);
    func::ReturnOp::create(body, builder.getUnknownLoc(),
                           llvm::map_to_vector(results, [&](Value result) { return mapping.lookup(result); }));

    SmallVectorImpl<func::FuncOp> &candidates = kernels[name];
    auto *equal = llvm::find_if(candidates, [&](func::FuncOp other) { return isEqual(kernel, other); });
    if (equal == candidates.end()) {
      LDBG() << layer << ": new kernel " << name << " of " << group.size() << " ops";
      symbols.insert(kernel);
      setDiscardable<VityaDialect::WorkAttrHelper>(kernel, workOf(kernel, group));
      candidates.push_back(kernel);
      equal = &candidates.back();
    } else {
      LDBG() << layer << ": shares kernel " << equal->getSymName();
      kernel.erase();
    }
    auto call = func::CallOp::create(builder, group.back()->getLoc(), *equal, arguments.getArrayRef());
    setDiscardable<VityaDialect::LayerAttrHelper>(call, builder.getStringAttr(layer));
    for (auto [result, replacement] : llvm::zip_equal(results, call.getResults()))
      result.replaceAllUsesWith(replacement);
    for (Operation *op : llvm::reverse(group))
      op->erase();
  }
};

} // namespace
} // namespace vitya
