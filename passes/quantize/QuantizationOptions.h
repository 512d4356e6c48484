// The enums of the options of quantization; those generated from Passes.td, and the names of observers.
#ifndef VITYA_PASSES_QUANTIZE_QUANTIZATIONOPTIONS_H
#define VITYA_PASSES_QUANTIZE_QUANTIZATIONOPTIONS_H

#include "dialect/VityaDialect.h"
#include "passes/numerics/Observers.h"
#include "llvm/ADT/DenseMapInfo.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

#include "passes/quantize/PassEnums.h.inc"

namespace vitya {

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
