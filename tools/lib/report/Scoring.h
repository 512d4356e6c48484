// The labelled images of a report, and how well a variant predicts their classes.
#ifndef VITYA_TOOLS_LIB_REPORT_SCORING_H
#define VITYA_TOOLS_LIB_REPORT_SCORING_H

#include "passes/analysis/ImageSet.h"
#include "tools/lib/report/Report.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace vitya::report {

/// Images with labels.
class LabelledImages {
public:
  /// Opens `count` images of `path`, or all of them if it is 0. Fails if they have no labels.
  static llvm::Expected<LabelledImages> open(llvm::StringRef path, int64_t count);

  /// Finds the labels, which are among `classes`. Fails if an image has none.
  llvm::Error findLabels(llvm::ArrayRef<std::string> classes);

  int64_t count() const { return data->count; }
  /// Whether findLabels numbered folders that are not named as the classes.
  bool areClassesInOrder() const { return data->areClassesInOrder; }
  int label(int64_t index) const { return data->labels[index]; }
  /// The image as a data URI of a PNG file, no larger than is useful on a page; empty if `modelImage`,
  /// [channels, height, width], is that of a model which takes no pictures, or if the image cannot be read.
  std::string picture(int64_t index, llvm::ArrayRef<int64_t> modelImage) const;

private:
  LabelledImages(OpenImages data, llvm::StringRef path) : data(std::move(data)), path(path) {}

  OpenImages data;
  std::string path;
};

/// Logits, one row for each image.
class LogitsView {
public:
  /// Reads the output of `logits`. Fails if it does not have `images` rows of `classes` values.
  static llvm::Expected<LogitsView> read(llvm::StringRef bytes, int64_t images, int64_t classes);

  int64_t images() const { return static_cast<int64_t>(values.size()) / classes; }
  llvm::ArrayRef<float> row(int64_t image) const { return llvm::ArrayRef(values).slice(image * classes, classes); }
  /// The class with the largest logit.
  int predicted(int64_t image) const;

private:
  std::vector<float> values;
  int64_t classes = 0;
};

/// Scores the finite logits of a variant against labels and the logits of the original model.
Score scoreOf(const LogitsView &original, const LogitsView &variant, const LabelledImages &images);

/// Counts images by [label, predicted class].
std::vector<int64_t> confusionOf(const LogitsView &logits, const LabelledImages &images, int64_t classes);

} // namespace vitya::report

#endif // VITYA_TOOLS_LIB_REPORT_SCORING_H
