// Two replays of the calibration images, of the f32 model and of the model as it will be quantized, advance through the
// layers together. Each factor is fitted to its rounded input before the second replay executes it.
#include "passes/quantize/FakeQuantization.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "vitya-refit-factors"

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

namespace vitya {
#define GEN_PASS_DEF_REFITFACTORSPASS
#include "passes/quantize/Passes.h.inc"

namespace {

class Refit {
public:
  Refit(ModuleOp module, const ImageSet &images, const QuantizeOptions &quantization)
      : entry(module.lookupSymbol<func::FuncOp>(kEntryName)), models(module, images, FakeQuantization(quantization)) {}

  LogicalResult run() {
    for (auto op : llvm::make_early_inc_range(entry.getOps<LinearOp>()))
      if (isFactorized(op) && !op.isQuantized() && failed(refit(op)))
        return failure();
    return success();
  }

private:
  LogicalResult refit(LinearOp op) {
    if (failed(models.advanceTo(op)))
      return failure();
    FailureOr<MatrixXd> weight = weightOf(op);
    FailureOr<VectorXd> bias = biasOf(op);
    if (failed(weight) || failed(bias))
      return failure();
    auto [moments, cross] = momentsOf(op.getContext(), models.originalInputOf(op), models.quantizedInputOf(op));
    MatrixXd fitted = regression(*weight, moments, cross);
    LDBG() << op.getLayer() << ": largest norm of a row " << weight->rowwise().norm().maxCoeff() << ", now "
           << fitted.rowwise().norm().maxCoeff();
    // A right factor has no bias: the difference of its means goes to the bias of the left factor, which is next.
    setWeights(op, {fitted, *bias + *weight * cross.mean() - fitted * cross.secondMean()});
    return success();
  }

  func::FuncOp entry;
  PairedReplay models; ///< in f32 and as they will be quantized
};

struct RefitFactors : impl::RefitFactorsPassBase<RefitFactors> {
  using RefitFactorsPassBase::RefitFactorsPassBase;

  void runOnOperation() override {
    if (failed(rewrite(getOperation())))
      signalPassFailure();
  }

private:
  LogicalResult rewrite(ModuleOp module) {
    FailureOr<QuantizeOptions> quantization = requireQuantization(module, quantize, "to which factors are fitted");
    if (failed(quantization))
      return failure();
    FailureOr<ImageSet> imageSet = ImageSet::open(module, images, count);
    FailureOr<func::FuncOp> entry = entryOf(module);
    if (failed(imageSet) || failed(entry))
      return failure();
    if (llvm::none_of(entry->getOps<LinearOp>(), isFactorized))
      return success();
    if (failed(Refit(module, *imageSet, *quantization).run()))
      return failure();
    dropConstants(module);
    return success();
  }
};

} // namespace
} // namespace vitya
