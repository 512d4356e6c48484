// The `classify` command: prints the most probable classes of image files.
#include "runtime/image/Decode.h"
#include "runtime/image/Preprocess.h"
#include "runtime/main/Commands.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace vitya {
namespace {

/// The number of classes to print.
constexpr int64_t kShown = 5;

/// A class and its probability, which is the softmax of the logits.
struct Guess {
  int64_t index;
  double probability;
};

/// Writes the at most kShown most probable classes to `guesses`, in descending order of probability, then by index.
/// Returns their number.
int64_t bestGuesses(const float *logits, int64_t classes, Guess *guesses) {
  float largest = logits[0];
  for (int64_t i = 1; i < classes; ++i)
    largest = logits[i] > largest ? logits[i] : largest;
  double sum = 0;
  int64_t count = 0;
  for (int64_t i = 0; i < classes; ++i) {
    double weight = exp(static_cast<double>(logits[i]) - largest);
    sum += weight;
    int64_t place = count < kShown ? count++ : kShown;
    for (; place > 0 && guesses[place - 1].probability < weight; --place)
      if (place < kShown)
        guesses[place] = guesses[place - 1];
    if (place < kShown)
      guesses[place] = {i, weight};
  }
  for (int64_t i = 0; i < count; ++i)
    guesses[i].probability /= sum;
  return count;
}

/// An ImageSource of one decoded image.
struct DecodedSource {
  const Image *image;
  const vitya_model *model;
  static void read(void *data, int64_t, float *result) {
    auto *source = static_cast<DecodedSource *>(data);
    const Image &image = *source->image;
    preprocess({image.pixels, image.height, image.width, image.channels}, imageOf(*source->model), result);
  }
};

void printGuesses(const vitya_model &model, const char *path, const Guess *guesses, int64_t count, bool json) {
  if (json) {
    fputs("{\"image\": ", stdout);
    printJsonString(path);
    fputs(", \"classes\": [", stdout);
    for (int64_t i = 0; i < count; ++i) {
      fputs(i ? ", {\"name\": " : "{\"name\": ", stdout);
      printJsonString(model.class_names[guesses[i].index]);
      printf(", \"probability\": %.9g}", guesses[i].probability);
    }
    puts("]}");
    return;
  }
  printf("%s\n", path);
  for (int64_t i = 0; i < count; ++i)
    printf("  %6.2f %%  %s\n", 100 * guesses[i].probability, model.class_names[guesses[i].index]);
}

/// Prints the most probable classes of the image at `path`. If it cannot be read or has a logit that is infinite or
/// NaN, prints one line to standard error and returns false.
bool classify(const vitya_model &model, Session *session, float *logits, const char *path, bool json) {
  Image image;
  char error[1024];
  if (!readImage(path, model.channels, image, error, sizeof(error))) {
    fprintf(stderr, "%s: %s\n", programName, error);
    return false;
  }
  DecodedSource source{&image, &model};
  runBatch(session, DecodedSource::read, &source, 0, 1, logits);
  freeImage(image);
  if (!allFinite(logits, model.classes)) {
    fprintf(stderr, "%s: expected finite logits of '%s', found NaN or infinity\n", programName, path);
    return false;
  }
  Guess guesses[kShown];
  int64_t count = bestGuesses(logits, model.classes, guesses);
  printGuesses(model, path, guesses, count, json);
  return true;
}

} // namespace

void runClassify(const vitya_model &model, const Options &options) {
  Session *session = openSession(model, options);
  float *logits = allocateFloats(model.classes);
  bool all = true;
  for (int i = 0; i < options.fileCount; ++i) {
    if (strcmp(options.files[i], "-") != 0) {
      all &= classify(model, session, logits, options.files[i], options.json);
      continue;
    }
    char *line = nullptr;
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) > 0) {
      line[strcspn(line, "\r\n")] = 0;
      if (*line)
        all &= classify(model, session, logits, line, options.json);
      // Another program may wait for the answer before it sends the next path.
      fflush(stdout);
    }
    free(line);
  }
  free(logits);
  destroySession(session);
  finishOutput();
  if (!all)
    exit(1);
}

} // namespace vitya
