// The pass that writes the moments of the inputs of linear layers to a file.
#include "dialect/Fingerprint.h"
#include "mlir/IR/Matchers.h"
#include "passes/analysis/Passes.h"
#include "passes/analysis/Statistics.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "vitya-collect-statistics"

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
      return module.emitError("expected images=FILE to run the model on and to=FILE to write, found images='")
             << images.getValue() << "' to='" << to.getValue() << "'";
    FailureOr<ImageSet> imageSet = ImageSet::open(module, images, count);
    if (failed(imageSet))
      return failure();
    SmallVector<LinearOp> layers;
    for (auto linear : module.lookupSymbol<func::FuncOp>(kEntryName).getOps<LinearOp>())
      if (matchPattern(linear.getWeight(), m_Constant()))
        layers.push_back(linear);
      else
        LDBG() << "skip layer " << linear.getLayer() << ", whose weight is not a constant";
    FailureOr<Statistics> statistics = collectStatistics(module, layers, *imageSet);
    if (failed(statistics))
      return failure();
    if (llvm::Error error = writeStatistics(*statistics, fingerprint(module), to))
      return module.emitError() << llvm::toString(std::move(error));
    return success();
  }
};

} // namespace
} // namespace vitya
