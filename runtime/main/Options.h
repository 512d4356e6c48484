// The command line of the executables.
#ifndef VITYA_RUNTIME_MAIN_OPTIONS_H
#define VITYA_RUNTIME_MAIN_OPTIONS_H

#include <stdint.h>

namespace vitya {

enum class Command { info, classify, eval, bench, logits, help, version };

/// What was asked for. Numbers that were not given are 0; given ones are positive.
struct Options {
  Command command = Command::help;
  const char *const *files = nullptr; ///< what stands behind the command
  int fileCount = 0;                  ///< one for `eval` and `logits`, some for `classify`, else none
  int64_t threads = 0, batch = 0, count = 0, runs = 0;
  bool json = false, profile = false;
};

extern const char *const kUsage;

/// Reads the command line, or exits with one line that says what was expected and found.
Options parseOptions(int argc, char **argv);

/// Prints "vit: " (the name the program was started by) and one formatted line on standard error, and exits with 1.
[[noreturn]] void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// The name the program was started by; set by parseOptions.
extern const char *programName;

} // namespace vitya

#endif // VITYA_RUNTIME_MAIN_OPTIONS_H
