// Remembers the finding that comes first in the order of images, then of ops, whichever thread reports it.
#include "passes/analysis/FiniteCheck.h"
#include "dialect/VityaOps.h"
#include <cmath>

using namespace mlir;

namespace vitya {

void FiniteCheck::add(int64_t image, Operation *op, ArrayRef<reference::Tensor> results) {
  if (isa<arith::ConstantOp>(op))
    return;
  for (const reference::Tensor &result : results) {
    if (!result.elementType().isF32())
      continue;
    ArrayRef<float> values = result.values();
    if (Eigen::Map<const Eigen::ArrayXf>(values.data(), result.size()).allFinite())
      continue;
    const float *found = llvm::find_if(values, [](float value) { return !std::isfinite(value); });
    std::lock_guard<std::mutex> lock(mutex);
    if (!first || image < first->image)
      first = {image, op, found - values.begin(), *found};
    return;
  }
}

LogicalResult FiniteCheck::verify(StringRef images) const {
  if (!first)
    return success();
  InFlightDiagnostic error = first->op->emitOpError("expected finite results");
  if (auto layer = dyn_cast<LayerOpInterface>(first->op))
    error << " of layer '" << layer.getLayer() << "'";
  return error << " on image " << first->image << " of '" << images << "', found "
               << (std::isnan(first->value) ? "NaN"
                   : first->value > 0       ? "infinity"
                                            : "-infinity")
               << " as element " << first->element;
}

} // namespace vitya
