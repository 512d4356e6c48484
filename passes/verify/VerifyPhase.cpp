// Verifies the contract at the end of a phase: the dialects and types that a module may contain, what layers claim
// about their weights and, in the phases on tensors, its functions and their signatures.
#include "dialect/ShortSums.h"
#include "dialect/VityaDialect.h"
#include "passes/Phases.h"
#include "passes/lower/Kernel.h"
#include "passes/verify/Passes.h"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_VERIFYPHASEPASS
#include "passes/verify/Passes.h.inc"

namespace {

bool hasTensor(Operation *op) {
  auto isTensor = llvm::IsaPred<TensorType>;
  return llvm::any_of(op->getOperandTypes(), isTensor) || llvm::any_of(op->getResultTypes(), isTensor);
}

/// The rule of `phase` that `op` violates, to be put after "expected"; empty if it violates none.
StringRef getViolatedRule(Phase phase, Operation *op) {
  StringRef dialect = op->getName().getDialectNamespace();
  switch (phase) {
  case Phase::import:
  case Phase::compress:
    if (!llvm::is_contained({"vitya", "arith", "tensor", "quant", "func", "builtin"}, dialect))
      return "only vitya, arith, tensor, quant and func ops";
    return "";
  case Phase::linalg:
    return dialect == "vitya" || dialect == "quant" ? "no vitya and no quant op" : "";
  case Phase::loops:
    return dialect == "vitya" || dialect == "linalg" || dialect == "tensor" || hasTensor(op) ? "no tensor" : "";
  case Phase::llvm:
    return dialect == "llvm" || dialect == "builtin" ? "" : "only ops of the llvm dialect";
  }
  return "";
}

/// Whether `op` has an operand or a result of dynamic shape.
bool hasDynamicShape(Operation *op) {
  auto isDynamic = [](Type type) {
    auto shaped = dyn_cast<ShapedType>(type);
    return shaped && !shaped.hasStaticShape();
  };
  return llvm::any_of(op->getOperandTypes(), isDynamic) || llvm::any_of(op->getResultTypes(), isDynamic);
}

/// Verifies that @main maps an image to logits. The dialect verifies that their sizes match `vitya.model`.
LogicalResult verifySignature(func::FuncOp entry) {
  FunctionType type = entry.getFunctionType();
  auto isF32 = [](Type candidate, int64_t rank) {
    auto tensor = dyn_cast<RankedTensorType>(candidate);
    return tensor && tensor.hasStaticShape() && tensor.getRank() == rank && tensor.getElementType().isF32();
  };
  if (type.getNumInputs() != 1 || type.getNumResults() != 1 || !isF32(type.getInput(0), 3) ||
      !isF32(type.getResult(0), 2) || cast<RankedTensorType>(type.getResult(0)).getDimSize(0) != 1)
    return entry.emitError() << "expected @" << kEntryName
                             << " to map one image, tensor<CxHxWxf32>, to logits, tensor<1xNxf32>, found " << type;
  return success();
}

/// Verifies that all shapes are static, and that @main is the only function except for kernels.
LogicalResult verifyFunctions(ModuleOp module, Phase phase) {
  auto entry = module.lookupSymbol<func::FuncOp>(kEntryName);
  if (!entry || entry.isExternal() || !entry.getBody().hasOneBlock())
    return module.emitError() << "expected a function @" << kEntryName << " with a body of one block";
  for (auto function : module.getOps<func::FuncOp>())
    if (function != entry && !(phase == Phase::linalg && getDiscardable<VityaDialect::KernelAttrHelper>(function)))
      return function.emitError() << "expected no function other than @" << kEntryName
                                  << (phase == Phase::linalg ? " and kernels" : "") << " at the end of phase "
                                  << stringifyPhase(phase) << ", found @" << function.getName();
  WalkResult result = module.walk([](Operation *op) {
    if (!hasDynamicShape(op))
      return WalkResult::advance();
    op->emitError("expected static shapes");
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted() || failed(verifySignature(entry)));
}

struct VerifyPhase : impl::VerifyPhasePassBase<VerifyPhase> {
  using VerifyPhasePassBase::VerifyPhasePassBase;
  void runOnOperation() override {
    std::optional<Phase> known = symbolizePhase(phase);
    if (!known) {
      getOperation().emitError() << "expected a phase of the IR, found '" << phase << "'";
      return signalPassFailure();
    }
    WalkResult result = getOperation().walk([&](Operation *op) {
      StringRef rule = getViolatedRule(*known, op);
      if (rule.empty())
        return WalkResult(isa<LinearOp>(op) ? verifyShortSums(cast<LinearOp>(op)) : success());
      op->emitError() << "expected " << rule << " at the end of phase " << phase << ", found '" << op->getName() << "'";
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    if (*known <= Phase::linalg && failed(verifyFunctions(getOperation(), *known)))
      return signalPassFailure();
    setDiscardable<VityaDialect::PhaseAttrHelper>(getOperation(), StringAttr::get(&getContext(), phase));
  }
};

} // namespace
} // namespace vitya
