// Runs a model on a set of images with the reference interpreter, several images at a time.
#ifndef VITYA_DIALECT_REFERENCE_RUNIMAGES_H
#define VITYA_DIALECT_REFERENCE_RUNIMAGES_H

#include "dialect/reference/Interpreter.h"
#include "mlir/IR/BuiltinOps.h"

namespace vitya::reference {

/// Fills `image`, f32 [channels, height, width], with the pixels of image `index`. Called from several threads.
using ImageSource = llvm::function_ref<void(int64_t index, llvm::MutableArrayRef<float> image)>;
/// As `Observer`, for image `index`. Called from several threads, but in program order for each image.
using ImageObserver = llvm::function_ref<void(int64_t index, mlir::Operation *op, llvm::ArrayRef<Tensor> results)>;

/// Returns the results of @main, or of the cascade that `module` is, for images 0 .. count - 1 as contiguous f32, image
/// after image. Each thread of the context's thread pool computes whole images, so results do not depend on the number
/// of threads. It is an error if @main is absent or does not map one f32 image [channels, height, width] to one f32
/// tensor, or if `Interpreter::create` fails.
mlir::FailureOr<std::vector<float>> runImages(mlir::ModuleOp module, int64_t count, ImageSource source,
                                              ImageObserver observe = nullptr);

} // namespace vitya::reference

#endif // VITYA_DIALECT_REFERENCE_RUNIMAGES_H
