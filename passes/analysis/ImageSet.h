// The images on which compression runs a model.
#ifndef VITYA_PASSES_ANALYSIS_IMAGESET_H
#define VITYA_PASSES_ANALYSIS_IMAGESET_H

#include "dialect/reference/RunImages.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/image/ImageData.h"
#include <memory>

namespace vitya {

/// Images that are closed at the end.
using OpenImages = std::unique_ptr<ImageData, void (*)(ImageData *)>;

/// Opens the images at `path`, which cannot become an output any more, and takes `count` of them, or all if it is 0.
/// Fails if there are fewer.
llvm::Expected<OpenImages> openImages(llvm::StringRef path, int64_t count);

/// Fails if `model` cannot run on the images or if a picture cannot be read.
llvm::Error checkImages(const ImageData &images, const ModelImage &model, llvm::StringRef path);

/// Writes image `index` as `model` takes it. The program ends with an error if a picture cannot be read any more.
void readImage(const ImageData &images, int64_t index, const ModelImage &model, float *result);

/// The type of the only argument of @main of `module`, a model or a cascade; null if it is no tensor.
mlir::RankedTensorType imageTypeOf(mlir::ModuleOp module);

/// What `module` takes, a model or a cascade of images of this type, [channels, height, width]. Pictures are resized
/// bilinearly with antialiasing if the module has no `vitya.model`.
ModelImage imageOf(mlir::ModuleOp module, mlir::RankedTensorType type);

/// Images that are converted to the input of a model (see runtime/image/ImageData.h).
class ImageSet {
public:
  /// Opens `count` images of `path`, or all of them if `count` is 0, as inputs of `module`. Emits an error at `module`
  /// if the path is empty, openImages or checkImages fails, or the model does not take one image.
  static mlir::FailureOr<ImageSet> open(mlir::ModuleOp module, llvm::StringRef path, int64_t count);

  int64_t count() const { return images; }
  /// Where the images are from.
  llvm::StringRef path() const { return name; }
  /// Writes image `index` as f32 [channels, height, width] in [0, 1].
  void read(int64_t index, llvm::MutableArrayRef<float> image) const { readImage(*data, index, model, image.data()); }
  /// Returns the labels, which are below the number of classes of `module`. Fails if an image has none.
  llvm::Expected<llvm::ArrayRef<int>> findLabels(mlir::ModuleOp module);
  /// Whether findLabels numbered folders that are not named as the classes are.
  bool areClassesInOrder() const { return data->areClassesInOrder; }
  /// Returns the logits of `module` for all images, calls `observe` with the results of every op, and displays its
  /// progress. The errors are those of reference::runImages and of `FiniteCheck`.
  mlir::FailureOr<std::vector<float>> run(mlir::ModuleOp module, reference::ImageObserver observe = nullptr) const;
  /// The same for the first `first` images and a model whose results may be NaN or infinite.
  mlir::FailureOr<std::vector<float>> runUnchecked(mlir::ModuleOp module, int64_t first,
                                                   reference::ImageObserver observe = nullptr) const;

private:
  explicit ImageSet(OpenImages data) : data(std::move(data)) {}

  OpenImages data;
  std::string name;
  ModelImage model = {};
  int64_t images = 0;
};

} // namespace vitya

#endif // VITYA_PASSES_ANALYSIS_IMAGESET_H
