// Parses the command line of compiled executables.
#include "runtime/main/Options.h"
#include "runtime/threads/Pool.h"
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace vitya {

const char *programName = "vit";

const char *const kUsage =
    "usage: %s COMMAND [OPTIONS]\n"
    "\n"
    "commands:\n"
    "  info               describe the model, its weights, the processor it was compiled for and its linear layers\n"
    "  classify IMAGE...  print the five most probable classes of PNG, JPEG, BMP, PPM or NPY files; - reads paths "
    "from standard input\n"
    "  eval DATA          measure accuracy and loss on labelled images\n"
    "  bench              measure latency and throughput on synthetic images\n"
    "  logits DATA        write logits to standard output as little-endian f32, one row per image\n"
    "\n"
    "DATA is one of:\n"
    "  a folder           of pictures, or with a subfolder of pictures for each class\n"
    "  a list             .txt, .csv or .tsv: a picture in each line, then its class; TEXT<tab>CLASS or TEXT,CLASS\n"
    "  an array           .npy: u8 [count, height, width, channels] or f32 [count, channels, height, width]; labels "
    "are in\n"
    "                     NAME.labels.npy\n"
    "  records            CIFAR-10's binary layout\n"
    "\n"
    "options:\n"
    "  --threads=N        number of threads (classify, eval, bench, logits; default: the processors that the process "
    "may use)\n"
    "  --batch=N          number of images in a batch (eval, bench, logits; default: 32)\n"
    "  --count=N          use only N images: the first ones, or N spread evenly over a folder (eval, logits)\n"
    "  --shard=I/N        use only part I of N contiguous parts of the images, from 1/N to N/N (eval, logits)\n"
    "  --runs=N           number of batches to measure (bench; default: as many as take three seconds, at least 10)\n"
    "  --sweep            measure batches of 1, 2, 4, ... 128 images (bench)\n"
    "  --profile          print the time spent in each kernel and layer, which all threads share (bench)\n"
    "  --no-peaks         do not measure the peak rates of the processor, so that shares of limits are unknown "
    "(bench)\n"
    "  --trace=FILE       write what each thread does during one more batch, as a Chrome trace (bench)\n"
    "  --json             print JSON (info, classify, eval, bench)\n"
    "  --no-sandbox       keep all rights of the process, also those that running the model does not need\n"
    "  --help, --version\n"
    "\n"
    "environment:\n"
    "  VITYA_LEVEL=NAME   run the code for this processor, which info lists among the levels (default: the fastest)\n";

void fail(const char *format, ...) {
  fprintf(stderr, "%s: ", programName);
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

namespace {

/// Upper bounds of option values: larger numbers of threads, images or runs are most likely typing errors.
constexpr int64_t kMaxNumber = 100000000, kMaxShards = 1000000;

/// Commands as bits.
constexpr unsigned bit(Command command) { return 1U << static_cast<int>(command); }
constexpr unsigned kBench = bit(Command::bench), kData = bit(Command::eval) | bit(Command::logits),
                   kInference = kBench | kData | bit(Command::classify), kAll = kInference | bit(Command::info);

/// An option and the commands that take it. It is a number, a flag, or, if both fields are null, a text of its own
/// form.
struct KnownOption {
  const char *name;
  unsigned commands;
  int64_t Options::*number = nullptr;
  int64_t max = 0; ///< of the number
  bool Options::*flag = nullptr;
};

constexpr KnownOption kOptions[] = {{"threads", kInference, &Options::threads, kMaxThreads},
                                    {"batch", kBench | kData, &Options::batch, 65536},
                                    {"count", kData, &Options::count, kMaxNumber},
                                    {"shard", kData},
                                    {"runs", kBench, &Options::runs, kMaxNumber},
                                    {"sweep", kBench, nullptr, 0, &Options::sweep},
                                    {"profile", kBench, nullptr, 0, &Options::profile},
                                    {"no-peaks", kBench, nullptr, 0, &Options::noPeaks},
                                    {"trace", kBench},
                                    {"json", kAll & ~bit(Command::logits), nullptr, 0, &Options::json},
                                    {"no-sandbox", kAll, nullptr, 0, &Options::noSandbox}};
constexpr int kOptionCount = sizeof(kOptions) / sizeof(kOptions[0]);

struct CommandName {
  const char *name;
  Command command;
  int minFiles, maxFiles;
};

constexpr CommandName kCommands[] = {{"info", Command::info, 0, 0},
                                     {"classify", Command::classify, 1, INT_MAX},
                                     {"eval", Command::eval, 1, 1},
                                     {"bench", Command::bench, 0, 0},
                                     {"logits", Command::logits, 1, 1}};

constexpr char kCommandNames[] = "info, classify, eval, bench or logits";

const CommandName *findCommand(const char *name) {
  for (const CommandName &known : kCommands)
    if (!strcmp(name, known.name))
      return &known;
  fail("expected a command (%s), found '%s'", kCommandNames, name);
}

/// Fails unless `command` takes `option`.
void checkCommand(const KnownOption &option, const CommandName &command) {
  if (option.commands & bit(command.command))
    return;
  char names[64] = "";
  for (const CommandName &known : kCommands)
    if (option.commands & bit(known.command))
      snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", *names ? " or " : "", known.name);
  fail("expected --%s with %s, found it with %s", option.name, names, command.name);
}

int64_t parseNumber(const KnownOption &option, const char *text) {
  char *end = nullptr;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno != 0 || end == text || *end != 0 || value < 1 || value > option.max)
    fail("expected --%s to be a number from 1 to %lld, found '%s'", option.name, static_cast<long long>(option.max),
         text);
  return value;
}

/// Parses "I/N".
Shard parseShard(const char *text) {
  Shard shard;
  char *end = nullptr;
  auto next = [&](const char *from, int64_t &value) {
    value = *from >= '0' && *from <= '9' ? strtoll(from, &end, 10) : 0;
    return value >= 1 && value <= kMaxShards;
  };
  if (!next(text, shard.number) || *end != '/' || !next(end + 1, shard.count) || *end != 0 ||
      shard.number > shard.count)
    fail("expected --shard to be I/N with I from 1 to N and N at most %lld, found '%s'",
         static_cast<long long>(kMaxShards), text);
  return shard;
}

/// Parses the option at argv[index], which it returns. Its value is the next argument, and `index` is advanced, if
/// there is no "=".
const KnownOption &parseOption(Options &options, const char *argument, int argc, char **argv, int &index) {
  if (argument[1] != '-')
    fail("expected an option of --help, found '%s'", argument);
  const char *name = argument + 2;
  const char *equals = strchr(name, '=');
  size_t length = equals ? static_cast<size_t>(equals - name) : strlen(name);
  auto value = [&](const char *kind) {
    if (!equals && index + 1 >= argc)
      fail("expected %s after %s, found none", kind, argument);
    return equals ? equals + 1 : argv[++index];
  };
  for (const KnownOption &option : kOptions) {
    if (strlen(option.name) != length || strncmp(option.name, name, length) != 0 || (option.flag && equals))
      continue;
    if (option.flag)
      options.*option.flag = true;
    else if (option.number)
      options.*option.number = parseNumber(option, value("a number"));
    else if (!strcmp(option.name, "trace"))
      options.trace = value("a file");
    else
      options.shard = parseShard(value("I/N"));
    return option;
  }
  fail("expected an option of --help, found '%s'", argument);
}

} // namespace

Options parseOptions(int argc, char **argv) {
  if (argc > 0 && argv[0]) {
    const char *slash = strrchr(argv[0], '/');
    programName = slash ? slash + 1 : argv[0];
  }
  Options options;
  const CommandName *command = nullptr;
  // Files are moved to the front of argv, so that they may appear anywhere among the options.
  char **files = argv;
  bool onlyFiles = false, given[kOptionCount] = {};
  for (int i = 1; i < argc; ++i) {
    char *argument = argv[i];
    if (onlyFiles || argument[0] != '-' || !strcmp(argument, "-")) {
      if (!command)
        options.command = (command = findCommand(argument))->command;
      else if (options.fileCount < command->maxFiles)
        files[options.fileCount++] = argument;
      else
        fail("expected no further argument for %s, found '%s'", command->name, argument);
    } else if (!strcmp(argument, "--")) {
      onlyFiles = true;
    } else if (!strcmp(argument, "--help") || !strcmp(argument, "-h")) {
      return Options();
    } else if (!strcmp(argument, "--version")) {
      options.command = Command::version;
      return options;
    } else {
      given[&parseOption(options, argument, argc, argv, i) - kOptions] = true;
    }
  }
  options.files = files;
  if (!command)
    fail("expected a command (%s), found none; see --help", kCommandNames);
  bool hasBatch = false;
  for (int i = 0; i < kOptionCount; ++i)
    if (given[i]) {
      checkCommand(kOptions[i], *command);
      hasBatch |= kOptions[i].number == &Options::batch;
    }
  if (options.fileCount < command->minFiles)
    fail("expected a file of images after %s, found none", command->name);
  if (options.sweep && (hasBatch || options.profile || options.trace))
    fail("expected --sweep without --batch, --profile and --trace, found both");
  return options;
}

} // namespace vitya
