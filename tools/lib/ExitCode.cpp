// The one place where tools print an error and choose an exit code.
#include "tools/lib/ExitCode.h"
#include "dialect/support/Errors.h"

int vitya::exitCodeOf(llvm::Error error, llvm::StringRef tool) {
  if (!error)
    return 0;
  llvm::handleAllErrors(
      std::move(error), [](const ReportedError &) {},
      [&](const llvm::ErrorInfoBase &other) { llvm::errs() << tool << ": error: " << other.message() << '\n'; });
  return 1;
}
