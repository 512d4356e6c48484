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
                                            linear.reason, linear.rank, linear.shortSums));
    for (const AttentionReport &attention : report.attentions)
      attentions.push_back(AttentionInfoAttr::get(module.getContext(), attention.name, attention.heads,
                                                  attention.scores, attention.values, attention.reason));
    setDiscardable<VityaDialect::LinearsAttrHelper>(module, builder.getArrayAttr(linears));
    if (!attentions.empty())
      setDiscardable<VityaDialect::AttentionsAttrHelper>(module, builder.getArrayAttr(attentions));
    setDiscardable<VityaDialect::ParametersAttrHelper>(module, builder.getI64IntegerAttr(report.parameters));
    setDiscardable<VityaDialect::MultiplyAddsAttrHelper>(module, builder.getI64IntegerAttr(report.multiplyAdds));
    if (report.integerMultiplyAdds != 0)
      setDiscardable<VityaDialect::IntegerMultiplyAddsAttrHelper>(
          module, builder.getI64IntegerAttr(report.integerMultiplyAdds));
    if (report.bf16MultiplyAdds != 0)
      setDiscardable<VityaDialect::Bf16MultiplyAddsAttrHelper>(module,
                                                               builder.getI64IntegerAttr(report.bf16MultiplyAdds));
    if (llvm::any_of(report.shortSumMultiplyAdds, [](int64_t count) { return count != 0; }))
      setDiscardable<VityaDialect::ShortSumMultiplyAddsAttrHelper>(
          module, builder.getDenseI64ArrayAttr(report.shortSumMultiplyAdds));
    setDiscardable<VityaDialect::FingerprintAttrHelper>(module, builder.getStringAttr(fingerprint(module)));
  }
};

} // namespace
} // namespace vitya
