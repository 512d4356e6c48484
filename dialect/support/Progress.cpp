// The progress line.
#include "dialect/support/Progress.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya {

ProgressLine::~ProgressLine() {
  if (width)
    llvm::errs() << '\n';
}

void ProgressLine::show(llvm::StringRef text) {
  if (!llvm::errs().is_displayed() || (text.empty() && !width))
    return;
  llvm::errs() << '\r' << llvm::left_justify(text, width) << '\r' << text;
  width = text.size();
}

void Progress::advance(int64_t done) { line.show((task + " " + llvm::Twine(done) + "/" + llvm::Twine(total)).str()); }

} // namespace vitya
