// Memory is read from /proc.
#include "tools/lib/StepTimer.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <fstream>
#include <string>

namespace vitya {

/// The current and the peak resident memory of this process in bytes, from /proc.
static std::pair<int64_t, int64_t> residentBytes() {
  std::ifstream status("/proc/self/status");
  std::pair<int64_t, int64_t> bytes(0, 0);
  for (std::string line; std::getline(status, line);) {
    llvm::StringRef text(line);
    int64_t *field = text.consume_front("VmRSS:")   ? &bytes.first
                     : text.consume_front("VmHWM:") ? &bytes.second
                                                    : nullptr;
    if (field && !text.trim().take_until([](char c) { return c == ' '; }).getAsInteger(10, *field))
      *field *= 1024;
  }
  return bytes;
}

void StepTimer::finish(llvm::StringRef step) {
  auto now = std::chrono::steady_clock::now();
  auto [resident, peak] = residentBytes();
  if (enabled)
    llvm::errs() << llvm::formatv("{0,-10} {1,7:f2} s {2,7:f1} MB resident, {3:f1} at most\n", step,
                                  std::chrono::duration<double>(now - start).count(), resident * 1e-6, peak * 1e-6);
  start = now;
}

} // namespace vitya
