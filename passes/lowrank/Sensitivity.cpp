// A copy of the replay is given the results of the replaced layers and runs to the end.
#include "passes/lowrank/Sensitivity.h"
#include "passes/numerics/Predictions.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "vitya-low-rank"

using namespace mlir;
using namespace Eigen;

namespace vitya {

static Map<const ArrayXf> logitsOf(const reference::Tensor &tensor) { return {tensor.values().data(), tensor.size()}; }

Sensitivity::Sensitivity(func::FuncOp function, const ImageSet &images, int64_t count)
    : function(function), model(function, images, count) {}

FailureOr<ArrayRef<reference::Tensor>> Sensitivity::advanceTo(LinearOp layer) {
  if (outputs.empty()) {
    FailureOr<std::vector<reference::Tensor>> found = outputsOf(model);
    if (failed(found))
      return failure();
    outputs = std::move(*found);
  }
  if (failed(model.advanceTo(layer)))
    return failure();
  return model.valuesOf(layer.getInput());
}

FailureOr<std::vector<reference::Tensor>> Sensitivity::outputsOf(Replay run) {
  Operation *end = function.getBody().front().getTerminator();
  if (failed(run.advanceTo(end)))
    return failure();
  return run.valuesOf(end->getOperand(0)).vec();
}

FailureOr<double> Sensitivity::divergence(ArrayRef<LayerReplacement> replacements) {
  Replay run = model;
  for (const LayerReplacement &replacement : replacements) {
    LinearOp layer = replacement.layer;
    if (failed(run.advanceTo(layer)))
      return failure();
    if (failed(run.assume(layer, applyLinear(layer.getContext(), replacement.map, run.valuesOf(layer.getInput())))))
      return failure();
  }
  FailureOr<std::vector<reference::Tensor>> changed = outputsOf(std::move(run));
  if (failed(changed))
    return failure();
  double sum = 0;
  for (auto [before, after] : llvm::zip_equal(outputs, *changed))
    sum += numerics::divergence(logitsOf(before), logitsOf(after));
  double mean = sum / double(outputs.size());
  LDBG() << replacements.size() << " layers replaced from " << LinearOp(replacements.front().layer).getLayer()
         << ": divergence " << mean << " on " << outputs.size() << " images";
  return mean;
}

} // namespace vitya
