// The progress line.
#include "dialect/support/Progress.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya {

Progress::~Progress() {
  if (isShown)
    llvm::errs() << '\n';
}

void Progress::advance(int64_t done) {
  if (!llvm::errs().is_displayed())
    return;
  isShown = true;
  llvm::errs() << '\r' << task << ' ' << done << '/' << total;
}

} // namespace vitya
