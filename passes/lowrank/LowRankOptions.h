// The enums of the options of vitya-low-rank, generated from Passes.td.
#ifndef VITYA_PASSES_LOWRANK_LOWRANKOPTIONS_H
#define VITYA_PASSES_LOWRANK_LOWRANKOPTIONS_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/DenseMapInfo.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

#include "passes/lowrank/PassEnums.h.inc"

namespace vitya {

/// Whether `method` fits each layer to the inputs that the compressed layers before it produce.
inline bool isAnchored(LowRankMethod method) {
  return method == LowRankMethod::anchored || method == LowRankMethod::joint;
}

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_LOWRANKOPTIONS_H
