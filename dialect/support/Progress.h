// A line at the terminal that shows how far a long computation is.
#ifndef VITYA_DIALECT_SUPPORT_PROGRESS_H
#define VITYA_DIALECT_SUPPORT_PROGRESS_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>

namespace vitya {

/// A text on standard error that is updated in place. Prints nothing if standard error is no terminal.
class ProgressLine {
public:
  ProgressLine() = default;
  /// Ends the line if there is text in it.
  ~ProgressLine();
  ProgressLine(const ProgressLine &) = delete;
  ProgressLine &operator=(const ProgressLine &) = delete;

  /// Replaces the text.
  void show(llvm::StringRef text);
  /// Removes the text, so that other lines can be printed.
  void clear() { show(""); }

private:
  size_t width = 0; ///< of the text
};

/// Shows "TASK DONE/TOTAL".
class Progress {
public:
  Progress(llvm::StringRef task, int64_t total) : task(task), total(total) {}

  /// Shows that `done` of the steps have been completed.
  void advance(int64_t done);

private:
  std::string task;
  int64_t total;
  ProgressLine line;
};

} // namespace vitya

#endif // VITYA_DIALECT_SUPPORT_PROGRESS_H
