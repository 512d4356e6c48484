// The commands of the executables.
#ifndef VITYA_RUNTIME_MAIN_COMMANDS_H
#define VITYA_RUNTIME_MAIN_COMMANDS_H

#include "runtime/Abi.h"
#include "runtime/image/Cifar.h"
#include "runtime/main/Options.h"
#include "runtime/threads/Batch.h"

namespace vitya {

void runClassify(const vitya_model &model, const Options &options);
void runEval(const vitya_model &model, const Options &options);
void runBench(const vitya_model &model, const Options &options);
void runLogits(const vitya_model &model, const Options &options);

/// A session as `options` ask for, or exits.
Session *openSession(const vitya_model &model, const Options &options);

/// Maps the images of `options` that `model` can take, or exits. Sets `count` to how many are wanted.
CifarImages openImages(const vitya_model &model, const Options &options, int64_t &count);

/// An ImageSource over CIFAR-10 records; `data` is a CifarSource.
struct CifarSource {
  const CifarImages *images;
  const vitya_model *model;
  static void read(void *data, int64_t index, float *image);
};

/// Memory for `count` floats, or exits.
float *allocateFloats(int64_t count);

/// Seconds on a clock that only goes forward.
double now();

/// Ends standard output: everything must have been written, or exits with 1.
void finishOutput();

/// Prints `text` as a JSON string.
void printJsonString(const char *text);

} // namespace vitya

#endif // VITYA_RUNTIME_MAIN_COMMANDS_H
