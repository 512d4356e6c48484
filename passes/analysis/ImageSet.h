// The images on which compression runs a model.
#ifndef VITYA_PASSES_ANALYSIS_IMAGESET_H
#define VITYA_PASSES_ANALYSIS_IMAGESET_H

#include "dialect/reference/RunImages.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/image/ImageFile.h"
#include <memory>

namespace vitya {

/// A file of images that is closed at the end.
using OpenImageFile = std::unique_ptr<ImageFile, void (*)(ImageFile *)>;

/// Opens the file of images `path`, which cannot become an output any more.
llvm::Expected<OpenImageFile> openImages(llvm::StringRef path);

/// What `module` takes, a model of images of this type, [channels, height, width]. Pictures are resized bilinearly with
/// antialiasing if the module has no `vitya.model`.
ModelImage imageOf(mlir::ModuleOp module, mlir::RankedTensorType type);

/// The first images of a file, converted to the input of a model (see runtime/image/ImageFile.h).
class ImageSet {
public:
  /// Opens the first `count` images of `path`, or all of them if `count` is 0, as inputs of `module`. Emits an error at
  /// `module` if the path is empty, the file cannot be read or has fewer images, or the model does not take one image
  /// of their channels.
  static mlir::FailureOr<ImageSet> open(mlir::ModuleOp module, llvm::StringRef path, int64_t count);

  int64_t count() const { return images; }
  /// The file that the images are from.
  llvm::StringRef path() const { return name; }
  /// Writes image `index` as f32 [channels, height, width] in [0, 1].
  void read(int64_t index, llvm::MutableArrayRef<float> image) const { readImageOf(*file, index, model, image.data()); }
  /// Fails if the images have no labels or if a label is not one of `classes`.
  llvm::Error checkLabels(int64_t classes) const;
  /// Whether the images have labels, and the label of image `index`.
  bool hasLabels() const { return file->hasLabels; }
  int label(int64_t index) const { return imageLabel(*file, index); }
  /// Returns the logits of `module` for all images, calls `observe` with the results of every op, and displays its
  /// progress. The errors are those of reference::runImages and of `FiniteCheck`.
  mlir::FailureOr<std::vector<float>> run(mlir::ModuleOp module, reference::ImageObserver observe = nullptr) const;
  /// The same for a model whose results may be NaN or infinite.
  mlir::FailureOr<std::vector<float>> runUnchecked(mlir::ModuleOp module,
                                                   reference::ImageObserver observe = nullptr) const;

private:
  explicit ImageSet(OpenImageFile file) : file(std::move(file)) {}

  OpenImageFile file;
  std::string name;
  ModelImage model = {};
  int64_t images = 0;
};

} // namespace vitya

#endif // VITYA_PASSES_ANALYSIS_IMAGESET_H
