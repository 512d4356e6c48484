// Ends the compress phase: writes what reports, `info` and `bench` say about the model while its layers are still ops.
#include "dialect/Fingerprint.h"
#include "dialect/VityaOps.h"
#include "passes/analysis/Passes.h"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_DESCRIBEMODELPASS
#include "passes/analysis/Passes.h.inc"

namespace {

int64_t elements(Value value) { return cast<ShapedType>(value.getType()).getNumElements(); }

/// Multiplications of one inference that are followed by an addition, in linear layers and attention.
int64_t multiplyAdds(Operation *op) {
  if (auto linear = dyn_cast<LinearOp>(op))
    return linear.getInput().getType().getDimSize(0) * elements(linear.getWeight());
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    int64_t keys = attention.getKey().getType().getDimSize(0);
    return keys * (elements(attention.getQuery()) + elements(attention.getResult()));
  }
  return 0;
}

bool isQuantized(Operation *op) {
  if (auto linear = dyn_cast<LinearOp>(op))
    return linear.isQuantized();
  auto attention = dyn_cast<AttentionOp>(op);
  return attention && attention.isQuantized();
}

struct DescribeModel : impl::DescribeModelPassBase<DescribeModel> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    Builder builder(module.getContext());
    SmallVector<Attribute> records, attentions;
    llvm::DenseSet<Attribute> described;
    int64_t parameters = 0, products = 0, integerProducts = 0;
    module.walk([&](Operation *op) {
      int64_t ofOp = multiplyAdds(op);
      products += ofOp;
      integerProducts += isQuantized(op) ? ofOp : 0;
      if (isa<arith::ConstantOp>(op) && isa<ShapedType>(op->getResult(0).getType()))
        parameters += elements(op->getResult(0));
      if (auto attention = dyn_cast<AttentionOp>(op)) {
        auto info = op->getAttrOfType<AttentionInfoAttr>(kAttentionInfoAttrName);
        attentions.push_back(info ? info
                                  : AttentionInfoAttr::get(module.getContext(), attention.getLayer(),
                                                           attention.getHeads(), "f32", "f32", kUntouched));
      }
      auto linear = dyn_cast<LinearOp>(op);
      if (!linear)
        return;
      if (LinearInfoAttr info = linear.getInfoAttr()) {
        // Both factors of a layer carry its record.
        if (described.insert(info).second)
          records.push_back(info);
        return;
      }
      ArrayRef<int64_t> weight = linear.getWeight().getType().getShape();
      records.push_back(LinearInfoAttr::get(module.getContext(), linear.getLayer(), /*in=*/weight[1], /*out=*/weight[0],
                                            "f32", kUntouched, /*rank=*/std::nullopt));
    });
    module->setAttr(kLinearsAttrName, builder.getArrayAttr(records));
    if (!attentions.empty())
      module->setAttr(kAttentionsAttrName, builder.getArrayAttr(attentions));
    module->setAttr(kParametersAttrName, builder.getI64IntegerAttr(parameters));
    module->setAttr(kMultiplyAddsAttrName, builder.getI64IntegerAttr(products));
    if (integerProducts != 0)
      module->setAttr(kIntegerMultiplyAddsAttrName, builder.getI64IntegerAttr(integerProducts));
    module->setAttr(kFingerprintAttrName, builder.getStringAttr(fingerprint(module)));
  }
};

} // namespace
} // namespace vitya
