// Writes `vitya.linears`, the record of each linear layer that `info` and reports show.
#include "dialect/Fingerprint.h"
#include "dialect/VityaOps.h"
#include "passes/Passes.h"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_RECORDLINEARSPASS
#include "passes/Passes.h.inc"

namespace {

struct RecordLinears : impl::RecordLinearsPassBase<RecordLinears> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    Builder builder(module.getContext());
    SmallVector<Attribute> records;
    module.walk([&](LinearOp linear) {
      ArrayRef<int64_t> weight = linear.getWeight().getType().getShape();
      records.push_back(LinearInfoAttr::get(module.getContext(), linear.getLayer(), /*in=*/weight[1], /*out=*/weight[0],
                                            /*rank=*/std::nullopt, "f32", "no compression asked for"));
    });
    module->setAttr(kLinearsAttrName, builder.getArrayAttr(records));
    if (!module->hasAttr(kFingerprintAttrName))
      module->setAttr(kFingerprintAttrName, builder.getStringAttr(fingerprint(module)));
  }
};

} // namespace
} // namespace vitya
