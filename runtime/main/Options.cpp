// Reads the command line.
#include "runtime/main/Options.h"
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
    "  info               what this executable is: model, weights, processor, linear layers\n"
    "  classify IMAGE...  the five likeliest classes of PNG, JPEG, BMP or PPM files; - reads a list from standard "
    "input\n"
    "  eval DATA          accuracy and loss on images in CIFAR-10's binary layout\n"
    "  bench              latency and throughput on synthetic images\n"
    "  logits DATA        logits as little-endian f32 on standard output, one row an image\n"
    "\n"
    "options:\n"
    "  --threads=N        threads (default: processors that are online)\n"
    "  --batch=N          images that are computed together (default: 32)\n"
    "  --count=N          only the first N images (eval, logits)\n"
    "  --runs=N           measured batches (bench; default: about three seconds' worth, at least 10)\n"
    "  --profile          time in each layer (bench)\n"
    "  --json             machine-readable output (info, classify, eval, bench)\n"
    "  --help, --version\n";

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

/// Larger numbers of threads, images or runs are mistakes.
constexpr int64_t kMaxThreads = 1024, kMaxNumber = 100000000;

struct NumberOption {
  const char *name;
  int64_t Options::*field;
  int64_t most;
};

constexpr NumberOption kNumbers[] = {{"threads", &Options::threads, kMaxThreads},
                                     {"batch", &Options::batch, 65536},
                                     {"count", &Options::count, kMaxNumber},
                                     {"runs", &Options::runs, kMaxNumber}};

struct FlagOption {
  const char *name;
  bool Options::*field;
};

constexpr FlagOption kFlags[] = {{"json", &Options::json}, {"profile", &Options::profile}};

struct CommandName {
  const char *name;
  Command command;
  int leastFiles, mostFiles;
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

int64_t parseNumber(const NumberOption &option, const char *text) {
  char *end = nullptr;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno != 0 || end == text || *end != 0 || value < 1 || value > option.most)
    fail("expected --%s to be a number from 1 to %lld, found '%s'", option.name, static_cast<long long>(option.most),
         text);
  return value;
}

/// The option `name` with its value, taken from the next argument where "=" is missing.
void parseOption(Options &options, const char *argument, int argc, char **argv, int &index) {
  if (argument[1] != '-')
    fail("expected an option of --help, found '%s'", argument);
  const char *name = argument + 2;
  const char *equals = strchr(name, '=');
  size_t length = equals ? static_cast<size_t>(equals - name) : strlen(name);
  auto is = [&](const char *known) { return strlen(known) == length && strncmp(known, name, length) == 0; };
  for (const NumberOption &option : kNumbers) {
    if (!is(option.name))
      continue;
    if (!equals && index + 1 >= argc)
      fail("expected a number behind --%s, found none", option.name);
    options.*option.field = parseNumber(option, equals ? equals + 1 : argv[++index]);
    return;
  }
  for (const FlagOption &option : kFlags)
    if (is(option.name) && !equals) {
      options.*option.field = true;
      return;
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
  // The files move to the front of argv, so that they can stand anywhere among the options.
  char **files = argv;
  bool onlyFiles = false;
  for (int i = 1; i < argc; ++i) {
    char *argument = argv[i];
    if (onlyFiles || argument[0] != '-' || !strcmp(argument, "-")) {
      if (!command)
        options.command = (command = findCommand(argument))->command;
      else if (options.fileCount < command->mostFiles)
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
      parseOption(options, argument, argc, argv, i);
    }
  }
  options.files = files;
  if (!command)
    fail("expected a command (%s), found none; see --help", kCommandNames);
  if (options.fileCount < command->leastFiles)
    fail("expected a file of images behind %s, found none", command->name);
  return options;
}

} // namespace vitya
