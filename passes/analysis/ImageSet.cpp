// Opens a file of images and checks it against the model.
#include "passes/analysis/ImageSet.h"
#include "dialect/VityaOps.h"
#include "dialect/support/Errors.h"
#include "dialect/support/Progress.h"
#include "dialect/support/WriteOutput.h"
#include "passes/analysis/FiniteCheck.h"
#include <mutex>

using namespace mlir;

namespace vitya {

llvm::Expected<OpenImageFile> openImages(StringRef path) {
  OpenImageFile file(new ImageFile(), [](ImageFile *images) {
    closeImageFile(*images);
    delete images;
  });
  char message[512];
  if (!openImageFile(path.str().c_str(), *file, message, sizeof(message)))
    return makeError("{0}", message);
  protectInput(path);
  return file;
}

llvm::Error ImageSet::checkLabels(int64_t classes) const {
  char message[512];
  if (labelsFit(*file, images, classes, name.c_str(), message, sizeof(message)))
    return llvm::Error::success();
  return makeError("{0}", message);
}

ModelImage imageOf(ModuleOp module, RankedTensorType type) {
  auto model = getDiscardable<VityaDialect::ModelAttrHelper>(module);
  auto preprocessing =
      model ? model.getPreprocessing() : PreprocessingAttr::get(module.getContext(), PictureFilter::bilinear);
  auto [height, width] = preprocessing.resizedSize(type.getShape());
  return {type.getDimSize(0), type.getDimSize(1), type.getDimSize(2),
          vitya_preprocessing{static_cast<int64_t>(preprocessing.getFilter()), preprocessing.getAntialias(), height,
                              width, static_cast<int64_t>(preprocessing.getCrop())}};
}

FailureOr<ImageSet> ImageSet::open(ModuleOp module, StringRef path, int64_t count) {
  if (path.empty())
    return module.emitError("expected images=FILE to run the model on, found none");
  auto entry = module.lookupSymbol<func::FuncOp>(kEntryName);
  auto type = entry && entry.getNumArguments() == 1 ? dyn_cast<RankedTensorType>(entry.getArgumentTypes().front())
                                                    : RankedTensorType();
  if (!type || !type.hasStaticShape() || type.getRank() != 3)
    return module.emitError() << "expected @" << kEntryName << " to take one image [channels, height, width]";
  llvm::Expected<OpenImageFile> opened = openImages(path);
  if (!opened)
    return module.emitError() << llvm::toString(opened.takeError());
  ImageSet result(std::move(*opened));
  result.name = path.str();
  char message[512];
  if (!imagesFit(*result.file, type.getDimSize(0), result.name.c_str(), message, sizeof(message)))
    return module.emitError() << message;
  if (count < 0 || count > result.file->count)
    return module.emitError() << "expected count to be at most the " << result.file->count << " images of '" << path
                              << "', found " << count;
  result.images = count ? count : result.file->count;
  result.model = imageOf(module, type);
  return result;
}

FailureOr<std::vector<float>> ImageSet::run(ModuleOp module, reference::ImageObserver observe) const {
  FiniteCheck check;
  auto checkAndObserve = [&](int64_t index, Operation *op, ArrayRef<reference::Tensor> results) {
    check.add(index, op, results);
    if (observe)
      observe(index, op, results);
  };
  FailureOr<std::vector<float>> logits = runUnchecked(module, checkAndObserve);
  if (failed(logits) || failed(check.verify(name)))
    return failure();
  return logits;
}

FailureOr<std::vector<float>> ImageSet::runUnchecked(ModuleOp module, reference::ImageObserver observe) const {
  Progress progress("calibration", images);
  std::mutex mutex;
  int64_t begun = 0;
  auto source = [&](int64_t index, MutableArrayRef<float> pixels) {
    read(index, pixels);
    std::lock_guard<std::mutex> lock(mutex);
    progress.advance(++begun);
  };
  return reference::runImages(module, images, source, observe);
}

} // namespace vitya
