// A copy of the replay is given the results of the replaced layers and runs to the end.
#include "passes/lowrank/Sensitivity.h"
#include "passes/numerics/Predictions.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "vitya-low-rank"

using namespace mlir;
using namespace Eigen;

namespace vitya {

static Map<const ArrayXf> logitsOf(const reference::Tensor &tensor) { return {tensor.values().data(), tensor.size()}; }

double meanDivergence(ArrayRef<reference::Tensor> before, ArrayRef<reference::Tensor> after) {
  double sum = 0;
  for (auto [y, changed] : llvm::zip_equal(before, after))
    sum += numerics::divergence(logitsOf(y), logitsOf(changed));
  return sum / double(before.size());
}

LayerReplacement replacementBy(const CandidateLayer &layer, const numerics::Factors &factors) {
  VectorXd mean = layer.input ? layer.input->mean() : VectorXd::Zero(layer.in());
  return {layer.op,
          {factors.left * factors.right, numerics::correctedBias(layer.bias, layer.weight, mean, factors, mean)}};
}

SmallVector<LayerReplacement> replacementsBy(const AttentionWeights &weights, AttentionMaps &maps) {
  SmallVector<LayerReplacement> replacements;
  for (LinearOp op : maps.inputs())
    replacements.push_back({op, maps.mapOf(op, weights)});
  replacements.push_back({maps.output(), maps.mapOf(maps.output(), weights)});
  return replacements;
}

Sensitivity::Sensitivity(func::FuncOp function, const ImageSet &images, int64_t count)
    : function(function), model(function, images, count) {}

FailureOr<ArrayRef<reference::Tensor>> Sensitivity::advanceTo(LinearOp layer) {
  if (outputs.empty()) {
    FailureOr<Outputs> found = outputsOf(model);
    if (failed(found))
      return failure();
    outputs = std::move(*found);
  }
  if (failed(model.advanceTo(layer)))
    return failure();
  return model.valuesOf(layer.getInput());
}

FailureOr<Outputs> Sensitivity::outputsOf(Replay run) {
  Operation *end = function.getBody().front().getTerminator();
  if (failed(run.advanceTo(end)))
    return failure();
  return run.valuesOf(end->getOperand(0)).vec();
}

FailureOr<Outputs> Sensitivity::outputsWith(ArrayRef<LayerReplacement> replacements) {
  Replay run = model;
  for (const LayerReplacement &replacement : replacements) {
    LinearOp layer = replacement.layer;
    if (failed(run.advanceTo(layer)))
      return failure();
    if (failed(run.assume(layer, applyLinear(layer.getContext(), replacement.map, run.valuesOf(layer.getInput())))))
      return failure();
  }
  return outputsOf(std::move(run));
}

FailureOr<double> Sensitivity::divergence(ArrayRef<LayerReplacement> replacements) {
  FailureOr<Outputs> changed = outputsWith(replacements);
  if (failed(changed))
    return failure();
  double mean = meanDivergence(outputs, *changed);
  LDBG() << replacements.size() << " layers replaced from " << LinearOp(replacements.front().layer).getLayer()
         << ": divergence " << mean << " on " << outputs.size() << " images";
  return mean;
}

} // namespace vitya
