// The command line of compiled executables.
#ifndef VITYA_RUNTIME_MAIN_OPTIONS_H
#define VITYA_RUNTIME_MAIN_OPTIONS_H

#include <stdint.h>

namespace vitya {

enum class Command { info, classify, eval, bench, logits, help, version };

/// One of `count` parts of the images, each contiguous: the first is part 1.
struct Shard {
  int64_t number = 1, count = 1;

  /// The first image of the part among `images`, and the image after its last one.
  int64_t begin(int64_t images) const { return images * (number - 1) / count; }
  int64_t end(int64_t images) const { return images * number / count; }
};

/// The parsed command line. `threads`, `count` and `runs` are 0 if not given; otherwise numbers are positive.
struct Options {
  Command command = Command::help;
  const char *const *files = nullptr; ///< arguments of the command
  int fileCount = 0;                  ///< 1 for `eval` and `logits`, at least 1 for `classify`, else 0
  int64_t threads = 0, batch = 32, count = 0, runs = 0;
  Shard shard;
  bool json = false, profile = false, sweep = false, noPeaks = false, noSandbox = false;
  const char *trace = nullptr; ///< path of the trace to write; null if none is wanted
};

extern const char *const kUsage;

/// Parses the command line. On an error, prints one line that states what was expected and found, and exits with 1.
Options parseOptions(int argc, char **argv);

/// Prints the program name, ": " and one formatted line to standard error, and exits with 1.
[[noreturn]] void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// The name by which the program was started, without folders. Set by parseOptions.
extern const char *programName;

} // namespace vitya

#endif // VITYA_RUNTIME_MAIN_OPTIONS_H
