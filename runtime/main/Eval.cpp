// The `eval` and `logits` commands: inference on many images.
#include "runtime/main/Commands.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace vitya {
namespace {

/// Accuracy and loss, accumulated over the images that can be read. An image with a logit that is infinite or NaN
/// counts as wrong; the loss is undefined if there is such an image.
struct Score {
  int64_t images = 0, unreadable = 0, correct = 0, top5 = 0, notFinite = 0;
  int64_t deferred = 0; ///< images that a cascade runs with its dense model; unreadable ones count
  double loss = 0;
  int64_t *seenOfClass = nullptr, *correctOfClass = nullptr;

  /// Adds one image. Among equal logits the class with the lower index ranks first.
  void add(const float *logits, int64_t classes, int label) {
    ++images;
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

void printScore(const vitya_model &model, const Score &score, double seconds) {
  int64_t images = score.images;
  printf("images       %lld\n", static_cast<long long>(images));
  if (score.unreadable)
    printf("unreadable   %lld, not counted\n", static_cast<long long>(score.unreadable));
  printf("accuracy     %.4f  (%lld correct)\n", static_cast<double>(score.correct) / images,
         static_cast<long long>(score.correct));
  if (score.notFinite)
    printf("loss         undefined, logits of %lld images are not finite\n", static_cast<long long>(score.notFinite));
  else
    printf("loss         %.4f\n", score.loss / images);
  printf("top-5        %.4f\n", static_cast<double>(score.top5) / images);
  if (model.cascade)
    printf("deferred     %lld images to the dense model (%.2f %%)\n", static_cast<long long>(score.deferred),
           100.0 * score.deferred / (images + score.unreadable));
  printf("seconds      %.3f  (%.1f images/s)\n\n", seconds, images / seconds);
  for (int64_t i = 0; i < model.classes; ++i)
    if (score.seenOfClass[i])
      printf("%-12s %.4f  (%lld of %lld)\n", model.class_names[i],
             static_cast<double>(score.correctOfClass[i]) / score.seenOfClass[i],
             static_cast<long long>(score.correctOfClass[i]), static_cast<long long>(score.seenOfClass[i]));
}

void printScoreJson(const vitya_model &model, const Score &score, double seconds) {
  int64_t images = score.images;
  printf("{\"images\": %lld, \"unreadable\": %lld, \"correct\": %lld, \"not_finite\": %lld, \"accuracy\": %.9g, "
         "\"loss\": ",
         static_cast<long long>(images), static_cast<long long>(score.unreadable),
         static_cast<long long>(score.correct), static_cast<long long>(score.notFinite),
         static_cast<double>(score.correct) / images);
  if (score.notFinite)
    fputs("null", stdout);
  else
    printf("%.9g", score.loss / images);
  printf(", \"top5\": %.9g, ", static_cast<double>(score.top5) / images);
  if (model.cascade)
    printf("\"deferred\": %lld, ", static_cast<long long>(score.deferred));
  fputs("\"per_class\": {", stdout);
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

/// Allocates `count` zeros. Exits on failure.
template <typename Element>
Element *allocateZeros(int64_t count) {
  auto *memory = static_cast<Element *>(calloc(count, sizeof(Element)));
  if (!memory)
    fail("expected memory for %lld counters, found too little", static_cast<long long>(count));
  return memory;
}

/// Inference on the images that the command line names.
class DataInference {
public:
  DataInference(const vitya_model &model, const Options &options)
      : model(model), path(options.files[0]), batch(options.batch), session(openSession(model, options)),
        images(openImages(model, options)), begin(options.shard.begin(images.count)),
        end(options.shard.end(images.count)), source{&images, imageOf(model), allocateZeros<bool>(images.count)},
        logits(allocateFloats(batch * model.classes)) {}
  ~DataInference() {
    free(logits);
    destroySession(session);
    free(source.unreadable);
    closeImageData(images);
  }
  DataInference(const DataInference &) = delete;
  DataInference &operator=(const DataInference &) = delete;

  /// Exits if the images have no labels or if a label is not a class of the model.
  void findLabels() {
    char message[1024];
    if (!vitya::findLabels(images, model.class_names, model.classes, path, message, sizeof(message)))
      fail("%s", message);
    if (images.areClassesInOrder)
      fprintf(stderr, "%s: the folders in '%s' are taken as the classes in the order of their names\n", programName,
              path);
  }

  /// Computes the logits of the images of the shard and calls use(first, size, logits) for each batch: those of the
  /// images [first, first + size) of the data, which are NaN for images that cannot be read.
  template <typename Use>
  void run(Use use) {
    for (int64_t first = begin; first < end; first += batch) {
      int64_t size = end - first < batch ? end - first : batch;
      double start = now();
      deferred += runBatch(session, DataSource::read, &source, first, size, logits);
      seconds += now() - start;
      for (int64_t i = 0; i < size * model.classes; ++i)
        if (source.unreadable[first + i / model.classes])
          logits[i] = NAN;
      use(first, size, logits);
    }
  }

  /// What run() has spent on inference so far.
  double seconds = 0;
  /// The number of images that run() has deferred to the dense model of a cascade so far.
  int64_t deferred = 0;

  /// The number of images of the shard.
  int64_t imageCount() const { return end - begin; }
  int label(int64_t index) const { return images.labels[index]; }
  bool isUnreadable(int64_t index) const { return source.unreadable[index]; }

private:
  const vitya_model &model;
  const char *path;
  int64_t batch;
  Session *session;
  ImageData images;
  int64_t begin, end; ///< the images of the shard
  DataSource source;
  float *logits;
};

} // namespace

void runEval(const vitya_model &model, const Options &options) {
  DataInference inference(model, options);
  inference.findLabels();
  int64_t count = inference.imageCount();
  Score score;
  score.seenOfClass = allocateZeros<int64_t>(model.classes);
  score.correctOfClass = allocateZeros<int64_t>(model.classes);
  bool progress = isatty(STDERR_FILENO);
  inference.run([&](int64_t first, int64_t size, const float *logits) {
    for (int64_t i = 0; i < size; ++i) {
      if (inference.isUnreadable(first + i))
        ++score.unreadable;
      else
        score.add(logits + i * model.classes, model.classes, inference.label(first + i));
    }
    if (progress && score.images)
      fprintf(stderr, "\r%lld of %lld images, accuracy %.4f ", static_cast<long long>(score.images + score.unreadable),
              static_cast<long long>(count), static_cast<double>(score.correct) / score.images);
  });
  if (progress)
    fprintf(stderr, "\r\033[K");
  score.deferred = inference.deferred;
  if (score.images)
    (options.json ? printScoreJson : printScore)(model, score, inference.seconds);
  free(score.seenOfClass);
  free(score.correctOfClass);
  finishOutput();
  checkImages(score.notFinite, score.unreadable, count);
}

void runLogits(const vitya_model &model, const Options &options) {
  if (isatty(STDOUT_FILENO))
    fail("expected standard output to be a file or a pipe for binary logits, found a terminal");
  DataInference inference(model, options);
  int64_t notFinite = 0, unreadable = 0;
  inference.run([&](int64_t first, int64_t size, const float *logits) {
    size_t elements = size * model.classes;
    for (int64_t i = 0; i < size; ++i) {
      if (inference.isUnreadable(first + i))
        ++unreadable;
      else
        notFinite += !allFinite(logits + i * model.classes, model.classes);
    }
    if (fwrite(logits, sizeof(float), elements, stdout) != elements)
      fail("expected standard output to take all logits, found: %s", strerror(errno));
  });
  finishOutput();
  checkImages(notFinite, unreadable, inference.imageCount());
}

} // namespace vitya
