// Moments of the inputs of linear layers: collected on images, or kept in a file that belongs to one model.
#ifndef VITYA_PASSES_ANALYSIS_STATISTICS_H
#define VITYA_PASSES_ANALYSIS_STATISTICS_H

#include "dialect/VityaOps.h"
#include "passes/analysis/ImageSet.h"
#include "passes/numerics/Moments.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

namespace vitya {

/// Moments of the inputs of layers, by the layers' names. Layers that read the same value share them.
using Statistics = llvm::StringMap<std::shared_ptr<const numerics::Moments>>;

/// Runs `module` on `images` and returns the moments of the inputs of `layers`, ops of @main. Each sum is taken in the
/// order of the images, whatever the number of threads. The errors are those of `ImageSet::run`.
mlir::FailureOr<Statistics> collectStatistics(mlir::ModuleOp module, llvm::ArrayRef<LinearOp> layers,
                                              const ImageSet &images);

/// Writes `statistics` of the model with this fingerprint to `path`: a safetensors file with LAYER.samples (I64 [1]),
/// LAYER.sum, LAYER.magnitudes (F64 [n]) and LAYER.products (F64 [n, n]), and the fingerprint in its metadata. The file
/// is either complete or absent.
llvm::Error writeStatistics(const Statistics &statistics, llvm::StringRef fingerprint, llvm::StringRef path);

/// Reads the file `path` of `writeStatistics`. Fails if it belongs to a model with another fingerprint.
llvm::Expected<Statistics> readStatistics(llvm::StringRef path, llvm::StringRef fingerprint);

/// The moments of the inputs of `layers`, ops of @main of `module`: read from the file `path`, or, if `path` is empty,
/// collected on `images`. Emits an error at a layer that the file does not have, or has with another width.
mlir::FailureOr<Statistics> readOrCollectStatistics(mlir::ModuleOp module, llvm::ArrayRef<LinearOp> layers,
                                                    llvm::StringRef path, const ImageSet *images);

} // namespace vitya

#endif // VITYA_PASSES_ANALYSIS_STATISTICS_H
