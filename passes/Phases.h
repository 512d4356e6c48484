// The phases of compilation. Tools drive --emit and --help from `kPhases`.
#ifndef VITYA_PASSES_PHASES_H
#define VITYA_PASSES_PHASES_H

#include "llvm/ADT/StringRef.h"
#include <optional>

namespace vitya {

/// The forms in which a model exists as IR, in the order in which it passes through them.
enum class Phase { import, compress, linalg, loops, llvm };

struct PhaseInfo {
  Phase phase;
  llvm::StringLiteral name;
  llvm::StringLiteral description;
};

inline constexpr PhaseInfo kPhases[] = {
    {Phase::import, "import", "the checkpoint as vitya ops"},
    {Phase::compress, "compress", "the model after compression, with a description of each linear layer"},
    {Phase::linalg, "linalg", "kernels on tensors: linalg, arith, math"},
    {Phase::loops, "loops", "packed weights; tiled, fused and vectorized loops on buffers"},
    {Phase::llvm, "llvm", "the LLVM dialect"},
};

inline llvm::StringRef stringifyPhase(Phase phase) { return kPhases[static_cast<int>(phase)].name; }

inline std::optional<Phase> symbolizePhase(llvm::StringRef name) {
  for (const PhaseInfo &info : kPhases)
    if (info.name == name)
      return info.phase;
  return std::nullopt;
}

} // namespace vitya

#endif // VITYA_PASSES_PHASES_H
