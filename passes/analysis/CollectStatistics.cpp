// The pass that keeps statistics of linear layers in a file.
#include "dialect/Fingerprint.h"
#include "mlir/IR/Matchers.h"
#include "passes/analysis/Passes.h"
#include "passes/analysis/Statistics.h"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_COLLECTSTATISTICSPASS
#include "passes/analysis/Passes.h.inc"

namespace {

struct CollectStatistics : impl::CollectStatisticsPassBase<CollectStatistics> {
  using CollectStatisticsPassBase::CollectStatisticsPassBase;

  void runOnOperation() override {
    markAllAnalysesPreserved();
    if (failed(collect(getOperation())))
      signalPassFailure();
  }

  LogicalResult collect(ModuleOp module) {
    if (images.empty() || to.empty())
      return module.emitError("expected images=FILE to look at the model with and to=FILE to write, found images='")
             << images.getValue() << "' to='" << to.getValue() << "'";
    FailureOr<ImageSet> calibration = ImageSet::open(module, images, count);
    if (failed(calibration))
      return failure();
    SmallVector<LinearOp> layers;
    for (auto linear : module.lookupSymbol<func::FuncOp>(kEntryName).getOps<LinearOp>())
      if (matchPattern(linear.getWeight(), m_Constant()))
        layers.push_back(linear);
    FailureOr<Statistics> statistics = collectStatistics(module, layers, *calibration);
    if (failed(statistics))
      return failure();
    if (llvm::Error error = writeStatistics(*statistics, fingerprint(module), to))
      return module.emitError() << llvm::toString(std::move(error));
    return success();
  }
};

} // namespace
} // namespace vitya
