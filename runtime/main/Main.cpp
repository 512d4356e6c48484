// Entry point of compiled executables: checks that model, runtime and processor match, then runs a command.
#include "runtime/main/Commands.h"
#include "runtime/model/Weights.h"
#include "runtime/processor/Features.h"
#include "runtime/processor/Levels.h"
#include "runtime/sandbox/Sandbox.h"
#include "runtime/threads/Processors.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace vitya {

Session *openSession(const vitya_model &model, const Options &options) {
  int64_t threads = options.threads ? options.threads : availableProcessors();
  char error[1024];
  ModelWeights weights;
  if (!loadWeights(model, weights, error, sizeof(error)))
    fail("%s", error);
  Session *session = createSession(&model, weights, static_cast<int>(threads));
  if (!session)
    fail("expected memory and threads for --threads=%lld, found too little", static_cast<long long>(threads));
  if (!options.noSandbox)
    enterSandbox(options.command == Command::bench && options.trace ? FileAccess::create : FileAccess::read);
  return session;
}

ImageData openImages(const vitya_model &model, const Options &options) {
  ImageData images;
  char error[1024];
  if (!openImageData(options.files[0], images, error, sizeof(error)) ||
      !imagesFit(images, imageOf(model), options.files[0], error, sizeof(error)))
    fail("%s", error);
  if (options.count > images.count)
    fail("expected --count to be at most the %lld images of '%s', found %lld", static_cast<long long>(images.count),
         options.files[0], static_cast<long long>(options.count));
  if (options.count)
    takeImages(images, options.count);
  if (options.shard.count > images.count)
    fail("expected --shard to have at most %lld parts, as many as there are images in '%s', found %lld",
         static_cast<long long>(images.count), options.files[0], static_cast<long long>(options.shard.count));
  return images;
}

void DataSource::read(void *data, int64_t index, float *image) {
  auto *source = static_cast<DataSource *>(data);
  const ModelImage &model = source->model;
  char error[1024];
  if (!source->unreadable[index]) {
    if (readImageOf(*source->images, index, model, image, error, sizeof(error)))
      return;
    fprintf(stderr, "%s: %s\n", programName, error);
    source->unreadable[index] = true;
  }
  memset(image, 0, model.channels * model.height * model.width * sizeof(float));
}

float *allocateFloats(int64_t count) {
  auto *memory = static_cast<float *>(malloc(count * sizeof(float)));
  if (!memory)
    fail("expected memory for %lld floats, found too little", static_cast<long long>(count));
  return memory;
}

void finishOutput() {
  if (fflush(stdout) != 0 || ferror(stdout))
    fail("expected standard output to take all results, found: %s", strerror(errno));
}

void checkImages(int64_t notFinite, int64_t unreadable, int64_t count) {
  if (notFinite > 0)
    fail("expected finite logits, found NaN or infinity for %lld of %lld images", static_cast<long long>(notFinite),
         static_cast<long long>(count));
  if (unreadable > 0)
    fail("expected images that can be read, found %lld of %lld that cannot", static_cast<long long>(unreadable),
         static_cast<long long>(count));
}

} // namespace vitya

using namespace vitya;

/// Prints the description of the model and whether this machine has the sandbox in which the other commands run.
static void printInfo(const vitya_model &model, const Options &options) {
  if (options.json) {
    fputs(model.info_json, stdout);
    return;
  }
  fputs(model.info_text, stdout);
  const char *refused = options.noSandbox ? "--no-sandbox" : enterSandbox(FileAccess::read);
  printf("\n%-24s%s%s\n", "sandbox", refused ? "none: " : "reads and writes open files only", refused ? refused : "");
}

int main(int argc, char **argv) {
  // Writing to a closed pipe, or beyond the limit on the size of files, then fails and is reported like any other
  // error.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  Options options = parseOptions(argc, argv);
  if (vitya_levels[0]->abi_version != VITYA_ABI_VERSION)
    fail("expected a model for version %d of the runtime, found version %lld", VITYA_ABI_VERSION,
         static_cast<long long>(vitya_levels[0]->abi_version));
  char error[512];
  const vitya_model *level = chooseLevel(vitya_levels, error, sizeof(error));
  if (!level)
    fail("%s", error);
  const vitya_model &model = *level;
  switch (options.command) {
  case Command::help:
    printf(kUsage, programName);
    break;
  case Command::version:
    printf("%s, model %s\n", programName, model.name);
    break;
  case Command::info:
    printInfo(model, options);
    break;
  case Command::classify:
  case Command::eval:
  case Command::bench:
  case Command::logits: {
    char missing[512];
    if (missingFeatures(model.required_features, missing, sizeof(missing)))
      fail("expected a processor with %s (this executable was compiled for %s), found one without", missing, model.cpu);
    if (options.command == Command::classify)
      runClassify(model, options);
    else if (options.command == Command::eval)
      runEval(model, options);
    else if (options.command == Command::bench)
      runBench(model, options);
    else
      runLogits(model, options);
  }
  }
  finishOutput();
  return 0;
}
