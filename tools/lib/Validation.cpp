// The f32 model is executed by the reference interpreter.
#include "tools/lib/Validation.h"
#include "dialect/support/Errors.h"
#include "passes/numerics/Predictions.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace vitya {

llvm::Expected<Validation> Validation::create(const DialectRegistry &registry, const ModelLoader &load, StringRef tool,
                                              StringRef images, Labels wanted) {
  std::unique_ptr<MLIRContext> context = makeErrorContext(registry, tool);
  llvm::Expected<OwningOpRef<ModuleOp>> module = load(*context);
  if (!module)
    return module.takeError();
  FailureOr<ImageSet> set = ImageSet::open(**module, images, /*count=*/0);
  if (failed(set))
    return reportedError();
  Validation result(std::move(*set));
  llvm::Expected<ArrayRef<int>> labels = result.set.findLabels(**module);
  if (labels)
    result.labels = labels->vec();
  else if (wanted == Labels::required)
    return labels.takeError();
  else
    llvm::consumeError(labels.takeError());
  if (wanted == Labels::required && result.set.areClassesInOrder())
    llvm::errs() << llvm::formatv("{0}: remark: the folders in '{1}' are taken as the classes in the order of their "
                                  "names\n",
                                  tool, images);
  FailureOr<std::vector<float>> logits = result.set.run(**module);
  if (failed(logits))
    return reportedError();
  result.original = std::move(*logits);
  return result;
}

llvm::Expected<std::vector<float>> Validation::run(ModuleOp module, int64_t first) const {
  FailureOr<std::vector<float>> logits = set.runUnchecked(module, first);
  if (failed(logits))
    return reportedError();
  return std::move(*logits);
}

std::optional<double> Validation::accuracy(ArrayRef<float> logits) const {
  if (labels.empty())
    return std::nullopt;
  int64_t classes = int64_t(original.size()) / this->count(), count = int64_t(logits.size()) / classes, correct = 0;
  for (int64_t i = 0; i < count; ++i)
    correct += numerics::bestClass(Eigen::Map<const Eigen::ArrayXf>(&logits[i * classes], classes)) == labels[i];
  return 100 * double(correct) / double(count);
}

Quality Validation::compare(ArrayRef<float> expected, ArrayRef<float> found) const {
  Quality quality;
  int64_t classes = int64_t(original.size()) / this->count(), count = int64_t(found.size()) / classes;
  for (int64_t i = 0; i < count; ++i) {
    Eigen::Map<const Eigen::ArrayXf> before(&expected[i * classes], classes), after(&found[i * classes], classes);
    quality.divergence += numerics::divergence(before, after) / double(count);
  }
  if (!labels.empty())
    quality.drop = *accuracy(expected.take_front(found.size())) - *accuracy(found);
  return quality;
}

} // namespace vitya
