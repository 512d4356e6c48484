// The choices of quantization, as options of its passes.
#ifndef VITYA_PASSES_QUANTIZE_QUANTIZATIONOPTIONS_H
#define VITYA_PASSES_QUANTIZE_QUANTIZATIONOPTIONS_H

#include "dialect/VityaDialect.h"
#include "passes/numerics/Observers.h"
#include "llvm/ADT/StringRef.h"

namespace vitya {

/// What shares a scale in a weight: an output channel, or all of them.
enum class WeightGranularity { channel, tensor };

/// The name of an observer in options and attributes.
inline llvm::StringRef nameOf(numerics::ObserverKind kind) {
  switch (kind) {
  case numerics::ObserverKind::minmax:
    return "minmax";
  case numerics::ObserverKind::movingAverage:
    return "moving-average";
  case numerics::ObserverKind::percentile:
    return "percentile";
  case numerics::ObserverKind::mse:
    return "mse";
  case numerics::ObserverKind::entropy:
    return "entropy";
  }
  return "";
}

} // namespace vitya

#endif // VITYA_PASSES_QUANTIZE_QUANTIZATIONOPTIONS_H
