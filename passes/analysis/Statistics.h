// Moments of the inputs of linear layers: collected once, kept in a file, tied to their model.
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

/// Runs `module` on `images` and adds up the inputs of `layers`, ops of @main, image after image whatever the number of
/// threads. Activations that are not finite are an error at their layer.
mlir::FailureOr<Statistics> collectStatistics(mlir::ModuleOp module, llvm::ArrayRef<LinearOp> layers,
                                              const ImageSet &images);

/// Writes `statistics` of the model of this fingerprint: a safetensors file with LAYER.samples (I64 [1]), LAYER.sum,
/// LAYER.magnitudes (F64 [n]) and LAYER.products (F64 [n, n]), and the fingerprint in its metadata. At once or not at
/// all.
llvm::Error writeStatistics(const Statistics &statistics, llvm::StringRef fingerprint, llvm::StringRef path);

/// Reads what `writeStatistics` wrote for the model of this fingerprint.
llvm::Expected<Statistics> readStatistics(llvm::StringRef path, llvm::StringRef fingerprint);

/// The moments of the inputs of `layers`, ops of @main of `module`: read from the file `path`, or, if `path` is empty,
/// collected on `images`. A file that lacks a layer, or has it with another width, is an error at the layer.
mlir::FailureOr<Statistics> readOrCollectStatistics(mlir::ModuleOp module, llvm::ArrayRef<LinearOp> layers,
                                                    llvm::StringRef path, const ImageSet *images);

} // namespace vitya

#endif // VITYA_PASSES_ANALYSIS_STATISTICS_H
