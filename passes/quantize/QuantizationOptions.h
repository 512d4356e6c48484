// The types of the options of quantization: the enums generated from Passes.td, bits of layers, and names of observers.
#ifndef VITYA_PASSES_QUANTIZE_QUANTIZATIONOPTIONS_H
#define VITYA_PASSES_QUANTIZE_QUANTIZATIONOPTIONS_H

#include "dialect/VityaDialect.h"
#include "passes/numerics/Observers.h"
#include "passes/quantize/BitsByLayer.h"
#include "llvm/ADT/DenseMapInfo.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

#include "passes/quantize/PassEnums.h.inc"

namespace vitya {

/// The levels of an activation with these bits.
inline numerics::Levels levelsOf(ActivationBits bits) { return numerics::unsignedLevels(static_cast<int>(bits)); }

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
