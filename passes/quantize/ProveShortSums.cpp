// Attaches to every quantized linear layer how many of its products 16 bits can hold.
#include "dialect/ShortSums.h"
#include "passes/quantize/Passes.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "vitya-prove-short-sums"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_PROVESHORTSUMSPASS
#include "passes/quantize/Passes.h.inc"

namespace {

struct ProveShortSums : impl::ProveShortSumsPassBase<ProveShortSums> {
  void runOnOperation() override {
    getOperation().walk([](LinearOp op) {
      ShortSumsAttr sums = proveShortSums(op);
      if (!sums)
        return;
      LDBG() << op.getLayer() << ": " << sums;
      setDiscardable<VityaDialect::ShortSumsAttrHelper>(op, sums);
    });
  }
};

} // namespace
} // namespace vitya
