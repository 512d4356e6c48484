// The effect of compression on the output of every layer.
#ifndef VITYA_TOOLS_LIB_OUTPUTNOISE_H
#define VITYA_TOOLS_LIB_OUTPUTNOISE_H

#include "tools/lib/CompressionSearch.h"

namespace vitya {

/// Measures E||y' - y||^2 / E||y - E y||^2 on the first images of the file `images`, for the output y of each layer in
/// the model that `load` returns and its output y' in `compressed`, the same model at the end of phase `compress`, with
/// all layers before it compressed, too. Stores the ratio in the records of `report`, which describes `compressed`. A
/// layer has none if its outputs do not correspond: those of narrowed heads have another width, and attention and its
/// values have other scales after smoothing. `registry` holds the dialects of the model's IR.
llvm::Error measureOutputNoise(mlir::ModuleOp compressed, const mlir::DialectRegistry &registry,
                               const ModelLoader &load, const CompressOptions &options, llvm::StringRef images,
                               ModelReport &report);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_OUTPUTNOISE_H
