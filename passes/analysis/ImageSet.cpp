// Opens images and checks them against the model.
#include "passes/analysis/ImageSet.h"
#include "dialect/VityaOps.h"
#include "dialect/support/Errors.h"
#include "dialect/support/Progress.h"
#include "dialect/support/WriteOutput.h"
#include "passes/analysis/FiniteCheck.h"
#include "runtime/image/Decode.h"
#include "llvm/Support/ErrorHandling.h"
#include <mutex>

using namespace mlir;

namespace vitya {

constexpr size_t kErrorSize = 1024;

llvm::Expected<OpenImages> openImages(StringRef path, int64_t count) {
  OpenImages data(new ImageData(), [](ImageData *images) {
    closeImageData(*images);
    delete images;
  });
  char message[kErrorSize];
  if (!openImageData(path.str().c_str(), *data, message, kErrorSize))
    return makeError("{0}", message);
  if (count < 0 || count > data->count)
    return makeError("expected count to be at most the {0} images of '{1}', found {2}", data->count, path, count);
  if (count > 0)
    takeImages(*data, count);
  protectInput(path);
  for (const ListedPicture &picture : ArrayRef(data->pictures.pictures, data->pictures.count))
    protectInput(picture.path);
  return data;
}

llvm::Error checkImages(const ImageData &images, const ModelImage &model, StringRef path) {
  char message[kErrorSize];
  if (!imagesFit(images, model, path.str().c_str(), message, kErrorSize))
    return makeError("{0}", message);
  for (const ListedPicture &listed : ArrayRef(images.pictures.pictures, images.pictures.count)) {
    Image picture;
    if (!readImage(listed.path, model.channels, picture, message, kErrorSize))
      return makeError("{0}", message);
    freeImage(picture);
  }
  return llvm::Error::success();
}

void readImage(const ImageData &images, int64_t index, const ModelImage &model, float *result) {
  char message[kErrorSize];
  if (!readImageOf(images, index, model, result, message, kErrorSize))
    llvm::reportFatalUsageError(StringRef(message));
}

llvm::Expected<ArrayRef<int>> ImageSet::findLabels(ModuleOp module) {
  auto described = getDiscardable<VityaDialect::ModelAttrHelper>(modelsOf(module).front());
  if (!described)
    return makeError("expected a model with names of classes to find the labels of '{0}', found none", name);
  std::vector<const char *> classes;
  for (StringAttr each : described.getClasses())
    classes.push_back(each.data()); // attributes end with a zero
  char message[kErrorSize];
  if (!vitya::findLabels(*data, classes.data(), int64_t(classes.size()), name.c_str(), message, kErrorSize))
    return makeError("{0}", message);
  return ArrayRef(data->labels, images);
}

RankedTensorType imageTypeOf(ModuleOp module) {
  auto entry = modelsOf(module).front().lookupSymbol<func::FuncOp>(kEntryName);
  return entry && entry.getNumArguments() == 1 ? dyn_cast<RankedTensorType>(entry.getArgumentTypes().front())
                                               : RankedTensorType();
}

ModelImage imageOf(ModuleOp module, RankedTensorType type) {
  ModelImage image = {type.getDimSize(0),
                      type.getDimSize(1),
                      type.getDimSize(2),
                      {VITYA_BILINEAR, /*antialias=*/1, type.getDimSize(1), type.getDimSize(2), VITYA_HALF_EVEN}};
  if (auto model = getDiscardable<VityaDialect::ModelAttrHelper>(modelsOf(module).front())) {
    PreprocessingAttr preprocessing = model.getPreprocessing();
    auto [height, width] = preprocessing.resizedSize(type.getShape());
    image.preprocessing = {static_cast<int64_t>(preprocessing.getFilter()), preprocessing.getAntialias(), height, width,
                           static_cast<int64_t>(preprocessing.getCrop())};
  }
  return image;
}

FailureOr<ImageSet> ImageSet::open(ModuleOp module, StringRef path, int64_t count) {
  if (path.empty())
    return module.emitError("expected images=FILE to run the model on, found none");
  RankedTensorType type = imageTypeOf(module);
  if (!type || !type.hasStaticShape() || type.getRank() != 3)
    return module.emitError() << "expected @" << kEntryName << " to take one image [channels, height, width]";
  llvm::Expected<OpenImages> opened = openImages(path, count);
  if (!opened)
    return module.emitError() << llvm::toString(opened.takeError());
  ImageSet result(std::move(*opened));
  result.name = path.str();
  result.model = imageOf(module, type);
  if (llvm::Error error = checkImages(*result.data, result.model, path))
    return module.emitError() << llvm::toString(std::move(error));
  result.images = result.data->count;
  return result;
}

FailureOr<std::vector<float>> ImageSet::run(ModuleOp module, reference::ImageObserver observe) const {
  FiniteCheck check;
  auto checkAndObserve = [&](int64_t index, Operation *op, ArrayRef<reference::Tensor> results) {
    check.add(index, op, results);
    if (observe)
      observe(index, op, results);
  };
  FailureOr<std::vector<float>> logits = runUnchecked(module, images, checkAndObserve);
  if (failed(logits) || failed(check.verify(name)))
    return failure();
  return logits;
}

FailureOr<std::vector<float>> ImageSet::runUnchecked(ModuleOp module, int64_t first,
                                                     reference::ImageObserver observe) const {
  Progress progress("calibration", first);
  std::mutex mutex;
  int64_t begun = 0;
  auto source = [&](int64_t index, MutableArrayRef<float> pixels) {
    read(index, pixels);
    std::lock_guard<std::mutex> lock(mutex);
    progress.advance(++begun);
  };
  return reference::runImages(module, first, source, observe);
}

} // namespace vitya
