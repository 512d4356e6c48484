// The `eval` and `logits` commands: inference on a file of images.
#include "runtime/main/Commands.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace vitya {
namespace {

/// Accuracy and loss, accumulated over images. An image with a logit that is infinite or NaN counts as wrong; the loss
/// is undefined if there is such an image.
struct Score {
  int64_t correct = 0, top5 = 0, notFinite = 0;
  double loss = 0;
  int64_t *seenOfClass = nullptr, *correctOfClass = nullptr;

  /// Adds one image. Among equal logits the class with the lower index ranks first.
  void add(const float *logits, int64_t classes, int label) {
    ++seenOfClass[label];
    if (!allFinite(logits, classes)) {
      ++notFinite;
      return;
    }
    int64_t ahead = 0;
    float largest = logits[0];
    for (int64_t i = 0; i < classes; ++i) {
      ahead += logits[i] > logits[label] || (logits[i] == logits[label] && i < label);
      largest = logits[i] > largest ? logits[i] : largest;
    }
    double sum = 0;
    for (int64_t i = 0; i < classes; ++i)
      sum += exp(static_cast<double>(logits[i]) - largest);
    loss += log(sum) + largest - logits[label];
    correct += ahead == 0;
    top5 += ahead < 5;
    correctOfClass[label] += ahead == 0;
  }
};

void printScore(const vitya_model &model, const Score &score, int64_t images, double seconds) {
  printf("images       %lld\n", static_cast<long long>(images));
  printf("accuracy     %.4f  (%lld correct)\n", static_cast<double>(score.correct) / images,
         static_cast<long long>(score.correct));
  if (score.notFinite)
    printf("loss         undefined, logits of %lld images are not finite\n", static_cast<long long>(score.notFinite));
  else
    printf("loss         %.4f\n", score.loss / images);
  printf("top-5        %.4f\n", static_cast<double>(score.top5) / images);
  printf("seconds      %.3f  (%.1f images/s)\n\n", seconds, images / seconds);
  for (int64_t i = 0; i < model.classes; ++i)
    if (score.seenOfClass[i])
      printf("%-12s %.4f  (%lld of %lld)\n", model.class_names[i],
             static_cast<double>(score.correctOfClass[i]) / score.seenOfClass[i],
             static_cast<long long>(score.correctOfClass[i]), static_cast<long long>(score.seenOfClass[i]));
}

void printScoreJson(const vitya_model &model, const Score &score, int64_t images, double seconds) {
  printf("{\"images\": %lld, \"correct\": %lld, \"not_finite\": %lld, \"accuracy\": %.9g, \"loss\": ",
         static_cast<long long>(images), static_cast<long long>(score.correct), static_cast<long long>(score.notFinite),
         static_cast<double>(score.correct) / images);
  if (score.notFinite)
    fputs("null", stdout);
  else
    printf("%.9g", score.loss / images);
  printf(", \"top5\": %.9g, \"per_class\": {", static_cast<double>(score.top5) / images);
  bool first = true;
  for (int64_t i = 0; i < model.classes; ++i) {
    if (!score.seenOfClass[i])
      continue;
    fputs(first ? "" : ", ", stdout);
    printJsonString(model.class_names[i]);
    printf(": %.9g", static_cast<double>(score.correctOfClass[i]) / score.seenOfClass[i]);
    first = false;
  }
  printf("}, \"seconds\": %.6f, \"images_per_second\": %.3f}\n", seconds, images / seconds);
}

/// Inference on the file of images that the command line names.
class FileInference {
public:
  FileInference(const vitya_model &model, const Options &options)
      : model(model), path(options.files[0]), batch(options.batch), images(openImages(model, options, count)),
        source{&images, imageOf(model)}, session(openSession(model, options)),
        logits(allocateFloats(batch * model.classes)) {}
  ~FileInference() {
    free(logits);
    destroySession(session);
    closeImageFile(images);
  }
  FileInference(const FileInference &) = delete;
  FileInference &operator=(const FileInference &) = delete;

  /// Exits if the images have no labels or if a label is not a class of the model.
  void checkLabels() const {
    char message[512];
    if (!labelsFit(images, count, model.classes, path, message, sizeof(message)))
      fail("%s", message);
  }

  /// Computes the logits of all images and calls use(first, size, logits) for each batch, images [first, first + size).
  /// Returns the seconds spent on inference.
  template <typename Use>
  double run(Use use) {
    double seconds = 0;
    for (int64_t first = 0; first < count; first += batch) {
      int64_t size = count - first < batch ? count - first : batch;
      double start = now();
      runBatch(session, FileSource::read, &source, first, size, logits, nullptr);
      seconds += now() - start;
      use(first, size, logits);
    }
    return seconds;
  }

  int64_t imageCount() const { return count; }
  int label(int64_t index) const { return imageLabel(images, index); }

private:
  const vitya_model &model;
  const char *path;
  int64_t batch, count = 0;
  ImageFile images;
  FileSource source;
  Session *session;
  float *logits;
};

} // namespace

void runEval(const vitya_model &model, const Options &options) {
  FileInference inference(model, options);
  inference.checkLabels();
  int64_t count = inference.imageCount();
  Score score;
  score.seenOfClass = static_cast<int64_t *>(calloc(model.classes, sizeof(int64_t)));
  score.correctOfClass = static_cast<int64_t *>(calloc(model.classes, sizeof(int64_t)));
  if (!score.seenOfClass || !score.correctOfClass)
    fail("expected memory for %lld classes, found too little", static_cast<long long>(model.classes));
  bool progress = isatty(STDERR_FILENO);
  double seconds = inference.run([&](int64_t first, int64_t size, const float *logits) {
    for (int64_t i = 0; i < size; ++i)
      score.add(logits + i * model.classes, model.classes, inference.label(first + i));
    if (progress)
      fprintf(stderr, "\r%lld of %lld images, accuracy %.4f ", static_cast<long long>(first + size),
              static_cast<long long>(count), static_cast<double>(score.correct) / (first + size));
  });
  if (progress)
    fprintf(stderr, "\r\033[K");
  (options.json ? printScoreJson : printScore)(model, score, count, seconds);
  free(score.seenOfClass);
  free(score.correctOfClass);
  finishOutput();
  checkFinite(score.notFinite, count);
}

void runLogits(const vitya_model &model, const Options &options) {
  if (isatty(STDOUT_FILENO))
    fail("expected standard output to be a file or a pipe for binary logits, found a terminal");
  FileInference inference(model, options);
  int64_t notFinite = 0;
  inference.run([&](int64_t, int64_t size, const float *logits) {
    size_t elements = size * model.classes;
    for (int64_t i = 0; i < size; ++i)
      notFinite += !allFinite(logits + i * model.classes, model.classes);
    if (fwrite(logits, sizeof(float), elements, stdout) != elements)
      fail("expected standard output to take all logits, found: %s", strerror(errno));
  });
  finishOutput();
  checkFinite(notFinite, inference.imageCount());
}

} // namespace vitya
