// Reads images through the runtime, as executables do, and computes scores in double precision.
#include "tools/lib/report/Scoring.h"
#include "dialect/support/Errors.h"
#include "passes/numerics/Predictions.h"
#include "tools/lib/report/Picture.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace llvm;

namespace vitya::report {

//===----------------------------------------------------------------------===//
// Images
//===----------------------------------------------------------------------===//

Expected<LabelledImages> LabelledImages::open(StringRef path, int64_t count) {
  Expected<OpenImages> data = openImages(path, count);
  if (!data)
    return data.takeError();
  LabelledImages images(std::move(*data), path);
  if (!images.data->hasLabels) // findLabels says which are expected
    return images.findLabels({});
  return images;
}

Error LabelledImages::findLabels(ArrayRef<std::string> classes) {
  std::vector<const char *> names;
  for (const std::string &name : classes)
    names.push_back(name.c_str());
  char message[1024];
  if (!vitya::findLabels(*data, names.data(), static_cast<int64_t>(names.size()), path.c_str(), message,
                         sizeof(message)))
    return makeError("{0}", message);
  return Error::success();
}

std::string LabelledImages::picture(int64_t index, ArrayRef<int64_t> modelImage) const {
  constexpr int64_t kLargestSide = 48;
  int64_t channels = modelImage[0], height = modelImage[1], width = modelImage[2];
  if (channels != 1 && channels != 3)
    return "";
  // Arrays of f32 have the size of the model and are not resized.
  if (!data->isFloat && std::max(height, width) > kLargestSide) {
    double scale = static_cast<double>(kLargestSide) / static_cast<double>(std::max(height, width));
    height = std::max<int64_t>(1, std::lround(static_cast<double>(height) * scale));
    width = std::max<int64_t>(1, std::lround(static_cast<double>(width) * scale));
  }
  ModelImage form = {channels, height, width, {VITYA_BILINEAR, /*antialias=*/1, height, width, VITYA_HALF_EVEN}};
  std::vector<float> pixels(channels * height * width);
  char message[1024];
  if (!readImageOf(*data, index, form, pixels.data(), message, sizeof(message)))
    return "";
  return pictureUri(pixels, channels, height, width);
}

//===----------------------------------------------------------------------===//
// Logits
//===----------------------------------------------------------------------===//

Expected<LogitsView> LogitsView::read(StringRef bytes, int64_t images, int64_t classes) {
  size_t expected = static_cast<size_t>(images * classes) * sizeof(float);
  if (bytes.size() != expected)
    return makeError("expected {0} bytes of logits, found {1}", expected, bytes.size());
  LogitsView view;
  view.values.resize(images * classes);
  std::memcpy(view.values.data(), bytes.data(), bytes.size());
  view.classes = classes;
  return view;
}

/// The row as the functions of passes/numerics take it.
static Eigen::Map<const Eigen::ArrayXf> arrayOf(ArrayRef<float> row) {
  return {row.data(), static_cast<Eigen::Index>(row.size())};
}

int LogitsView::predicted(int64_t image) const { return static_cast<int>(*numerics::bestClass(arrayOf(row(image)))); }

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

namespace {

/// The cross entropy of the class `label`, in nats.
double lossOf(ArrayRef<float> row, int label) {
  double largest = *llvm::max_element(row), sum = 0;
  for (float value : row)
    sum += std::exp(value - largest);
  return std::log(sum) + largest - row[label];
}

/// The difference of the two largest probabilities.
double marginOf(ArrayRef<float> row) {
  std::vector<float> sorted = row.vec();
  llvm::sort(sorted, std::greater<>());
  double sum = 0;
  for (float value : sorted)
    sum += std::exp(static_cast<double>(value) - sorted[0]);
  return sorted.size() < 2 ? 1 : (1 - std::exp(static_cast<double>(sorted[1]) - sorted[0])) / sum;
}

Estimate meanOf(double sum, double squares, int64_t count) {
  return {sum / static_cast<double>(count), numerics::intervalOfMean(sum, squares, count)};
}

} // namespace

Score scoreOf(const LogitsView &original, const LogitsView &variant, const LabelledImages &images) {
  Score score;
  double loss = 0, squares = 0;
  int64_t count = images.count();
  for (int64_t i = 0; i < count; ++i) {
    int label = images.label(i), before = original.predicted(i), after = variant.predicted(i);
    double each = lossOf(variant.row(i), label);
    loss += each;
    squares += each * each;
    score.correct += after == label;
    score.gained += after == label && before != label;
    score.lost += after != label && before == label;
    score.divergence += numerics::divergence(arrayOf(original.row(i)), arrayOf(variant.row(i)));
    if (before != after)
      score.changed.push_back({i, label, before, after, marginOf(original.row(i))});
  }
  llvm::sort(score.changed, [](const ChangedImage &a, const ChangedImage &b) {
    return std::pair(b.margin, a.image) < std::pair(a.margin, b.image);
  });
  auto total = static_cast<double>(count);
  score.divergence /= total;
  score.loss = meanOf(loss, squares, count);
  score.accuracy = {static_cast<double>(score.correct) / total, numerics::intervalOfShare(score.correct, count)};
  score.difference = {static_cast<double>(score.gained - score.lost) / total,
                      numerics::intervalOfDifference(score.gained, score.lost, count)};
  return score;
}

std::vector<int64_t> confusionOf(const LogitsView &logits, const LabelledImages &images, int64_t classes) {
  std::vector<int64_t> result(classes * classes);
  for (int64_t i = 0; i < images.count(); ++i)
    ++result[images.label(i) * classes + logits.predicted(i)];
  return result;
}

} // namespace vitya::report
