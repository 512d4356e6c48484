// Prints the time and the memory of the steps of a program.
#ifndef VITYA_TOOLS_LIB_STEPTIMER_H
#define VITYA_TOOLS_LIB_STEPTIMER_H

#include "llvm/ADT/StringRef.h"
#include <chrono>

namespace vitya {

class StepTimer {
public:
  /// Prints only if `enabled`.
  explicit StepTimer(bool enabled) : enabled(enabled) {}

  /// Prints the time since the step before, and the resident memory of this process now and at its peak.
  void finish(llvm::StringRef step);

private:
  bool enabled;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

} // namespace vitya

#endif // VITYA_TOOLS_LIB_STEPTIMER_H
