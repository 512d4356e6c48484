// The contract at the end of each phase: which dialects and types a module may hold.
#include "dialect/VityaDialect.h"
#include "passes/Passes.h"
#include "passes/pipelines/Pipelines.h"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_VERIFYPHASEPASS
#include "passes/Passes.h.inc"

namespace {

bool holdsTensor(Operation *op) {
  auto isTensor = llvm::IsaPred<TensorType>;
  return llvm::any_of(op->getOperandTypes(), isTensor) || llvm::any_of(op->getResultTypes(), isTensor);
}

/// What `phase` does not allow about `op`, or nothing.
StringRef violation(Phase phase, Operation *op) {
  StringRef dialect = op->getName().getDialectNamespace();
  switch (phase) {
  case Phase::import:
  case Phase::compress:
    if (!llvm::is_contained({"vitya", "arith", "tensor", "func", "builtin"}, dialect))
      return "only vitya, arith, tensor and func ops";
    return "";
  case Phase::linalg:
    return dialect == "vitya" || dialect == "quant" ? "no vitya and no quant op" : "";
  case Phase::loops:
    return dialect == "vitya" || dialect == "linalg" || dialect == "tensor" || holdsTensor(op) ? "no tensor" : "";
  case Phase::llvm:
    return dialect == "llvm" || dialect == "builtin" ? "" : "only ops of the llvm dialect";
  }
  return "";
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
      StringRef broken = violation(*known, op);
      if (broken.empty())
        return WalkResult::advance();
      op->emitError() << "expected " << broken << " at the end of phase " << phase << ", found '" << op->getName()
                      << "'";
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    getOperation()->setAttr(kPhaseAttrName, StringAttr::get(&getContext(), phase));
  }
};

} // namespace
} // namespace vitya
