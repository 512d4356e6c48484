// A compressed model as it is measured: compiled for this machine, loaded and executed in this process.
#ifndef VITYA_TOOLS_LIB_EXECUTEDMODEL_H
#define VITYA_TOOLS_LIB_EXECUTEDMODEL_H

#include "passes/analysis/ImageSet.h"
#include "tools/lib/CompiledModel.h"
#include "tools/lib/ModelInput.h"

namespace vitya {

/// What the execution of a model showed.
struct ExecutedModel {
  int64_t weightBytes = 0;
  std::optional<ImageTime> time; ///< if it was asked for
  std::vector<float> logits;     ///< [image, class]; empty without images
};

/// Compresses the model that `load` returns with `options`, in a context of its own with the dialects of `registry`,
/// compiles it for this machine, measures its time if `isTimed`, and runs it on `images` unless that is null. If
/// neither is wanted, no machine code is generated. Errors are printed in the name of `tool`.
llvm::Expected<ExecutedModel> compressAndExecute(const mlir::DialectRegistry &registry, const ModelLoader &load,
                                                 llvm::StringRef tool, const CompressOptions &options, bool isTimed,
                                                 const ImageSet *images);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_EXECUTEDMODEL_H
