// Ends the compress phase: attaches the description that `info` and `bench` print to the module, while layers are still
// ops.
#include "dialect/Fingerprint.h"
#include "dialect/VityaOps.h"
#include "passes/analysis/Passes.h"
#include "passes/report/ModelReport.h"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_DESCRIBEMODELPASS
#include "passes/analysis/Passes.h.inc"

namespace {

struct DescribeModel : impl::DescribeModelPassBase<DescribeModel> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    ModelReport report;
    describeModel(module, report);
    Builder builder(module.getContext());
    SmallVector<Attribute> linears, attentions;
    for (const LinearReport &linear : report.linears)
      linears.push_back(LinearInfoAttr::get(module.getContext(), linear.name, linear.in, linear.out, linear.format,
                                            linear.reason, linear.rank));
    for (const AttentionReport &attention : report.attentions)
      attentions.push_back(AttentionInfoAttr::get(module.getContext(), attention.name, attention.heads,
                                                  attention.scores, attention.values, attention.reason));
    module->setAttr(kLinearsAttrName, builder.getArrayAttr(linears));
    if (!attentions.empty())
      module->setAttr(kAttentionsAttrName, builder.getArrayAttr(attentions));
    module->setAttr(kParametersAttrName, builder.getI64IntegerAttr(report.parameters));
    module->setAttr(kMultiplyAddsAttrName, builder.getI64IntegerAttr(report.multiplyAdds));
    if (report.integerMultiplyAdds != 0)
      module->setAttr(kIntegerMultiplyAddsAttrName, builder.getI64IntegerAttr(report.integerMultiplyAdds));
    module->setAttr(kFingerprintAttrName, builder.getStringAttr(fingerprint(module)));
  }
};

} // namespace
} // namespace vitya
