// A line at the terminal that counts the steps of a long computation.
#ifndef VITYA_DIALECT_SUPPORT_PROGRESS_H
#define VITYA_DIALECT_SUPPORT_PROGRESS_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>

namespace vitya {

/// Shows "TASK DONE/TOTAL" on standard error and updates it in place. Prints nothing if standard error is no terminal.
class Progress {
public:
  Progress(llvm::StringRef task, int64_t total) : task(task), total(total) {}
  /// Ends the line if one was printed.
  ~Progress();
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  /// Shows that `done` of the steps have been completed.
  void advance(int64_t done);

private:
  std::string task;
  int64_t total;
  bool isShown = false;
};

} // namespace vitya

#endif // VITYA_DIALECT_SUPPORT_PROGRESS_H
