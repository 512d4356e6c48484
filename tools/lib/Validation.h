// The predictions of compressed models, compared with those of the f32 model.
#ifndef VITYA_TOOLS_LIB_VALIDATION_H
#define VITYA_TOOLS_LIB_VALIDATION_H

#include "passes/analysis/ImageSet.h"
#include "tools/lib/ModelInput.h"

namespace vitya {

/// How far the predictions of a compressed model are from those of the f32 model.
struct Quality {
  double divergence = 0; ///< in nats; infinite if a logit of the compressed model is NaN or infinite
  double drop = 0;       ///< in percentage points
};

/// Images with the logits of the f32 model.
class Validation {
public:
  enum class Labels { required, ifAny };

  /// Runs the model that `load` returns, in a context with the dialects of `registry`, on the images of the file
  /// `images`. Errors and remarks are printed in the name of `tool`. Fails if an image has no label although they are
  /// required.
  static llvm::Expected<Validation> create(const mlir::DialectRegistry &registry, const ModelLoader &load,
                                           llvm::StringRef tool, llvm::StringRef images, Labels wanted);

  const ImageSet &images() const { return set; }
  int64_t count() const { return set.count(); }
  llvm::ArrayRef<float> logits() const { return original; }

  /// The logits of `module`, the model after compression, for the first `first` images: [image, class]. They need not
  /// be finite.
  llvm::Expected<std::vector<float>> run(mlir::ModuleOp module, int64_t first) const;

  /// The share of the images with the right class in `logits`, [image, class], in percent; nothing without labels.
  std::optional<double> accuracy(llvm::ArrayRef<float> logits) const;

  /// Compares `found` with `expected`, both [image, class] for the first images. The drop is 0 without labels.
  Quality compare(llvm::ArrayRef<float> expected, llvm::ArrayRef<float> found) const;

private:
  explicit Validation(ImageSet set) : set(std::move(set)) {}

  ImageSet set;
  std::vector<float> original; ///< logits of the f32 model: [image, class]
  std::vector<int> labels;     ///< one for each image; empty if some have none
};

} // namespace vitya

#endif // VITYA_TOOLS_LIB_VALIDATION_H
