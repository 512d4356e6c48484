// The commands of compiled executables, and functions that they share.
#ifndef VITYA_RUNTIME_MAIN_COMMANDS_H
#define VITYA_RUNTIME_MAIN_COMMANDS_H

#include "runtime/Abi.h"
#include "runtime/image/ImageData.h"
#include "runtime/main/Options.h"
#include "runtime/threads/Batch.h"
#include <stdio.h>

namespace vitya {

void runClassify(const vitya_model &model, const Options &options);
void runEval(const vitya_model &model, const Options &options);
void runBench(const vitya_model &model, const Options &options);
void runLogits(const vitya_model &model, const Options &options);

/// Creates a session with the number of threads in `options`, by default one for each processor that the process may
/// use, and then enters the sandbox unless `options` forbid it. Commands open sessions before they read files that
/// others made. Exits on failure, except that of the sandbox, which `info` reports.
Session *openSession(const vitya_model &model, const Options &options);

/// Opens the images in `options` and takes as many as requested. Exits if they cannot be opened, do not fit `model`, or
/// are fewer.
ImageData openImages(const vitya_model &model, const Options &options);

/// An ImageSource over images. An image that cannot be read is reported once on standard error and marked in
/// `unreadable`; its pixels are black.
struct DataSource {
  const ImageData *images;
  ModelImage model;
  bool *unreadable; ///< one for each image
  static void read(void *data, int64_t index, float *image);
};

/// Allocates memory for `count` floats. Exits on failure.
float *allocateFloats(int64_t count);

/// Returns the time of a monotonic clock in seconds.
inline double now() { return 1e-9 * nanoseconds(); }

/// Flushes standard output. Exits with 1 if any write failed.
void finishOutput();

/// Exits with 1 if `notFinite`, the number of images that have an infinite or NaN logit, or `unreadable`, the number of
/// those that cannot be read, is not 0. `count` is the number of all images.
void checkImages(int64_t notFinite, int64_t unreadable, int64_t count);

/// Prints `text` to `file` as a JSON string. Bytes that are not valid UTF-8 are replaced by U+FFFD.
void printJsonString(const char *text, FILE *file = stdout);

} // namespace vitya

#endif // VITYA_RUNTIME_MAIN_COMMANDS_H
