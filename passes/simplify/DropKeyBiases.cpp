// Drops biases that are added to the keys of attention: they add q . b to all scores of a query, and the softmax does
// not depend on what all of them have in common.
#include "dialect/VityaOps.h"
#include "passes/simplify/Passes.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "vitya-drop-key-biases"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_DROPKEYBIASESPASS
#include "passes/simplify/Passes.h.inc"

namespace {

/// Whether the result of `op` has readers and is the key of f32 attentions alone.
bool isOnlyKey(LinearOp op) {
  return !op->use_empty() && llvm::all_of(op->getUses(), [](OpOperand &use) {
    auto attention = dyn_cast<AttentionOp>(use.getOwner());
    return attention && !attention.isQuantized() &&
           use.getOperandNumber() == attention.getKeyMutable().getOperandNumber();
  });
}

struct DropKeyBiases : impl::DropKeyBiasesPassBase<DropKeyBiases> {
  void runOnOperation() override {
    getOperation().walk([](LinearOp op) {
      if (!op.getBias() || !op.isQuantized() || !isOnlyKey(op))
        return;
      LDBG() << "dropping the bias of " << op.getLayer();
      op.getBiasMutable().clear();
    });
  }
};

} // namespace
} // namespace vitya
