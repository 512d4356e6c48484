// The description of a model that an executable carries, rendered at compile time.
#ifndef VITYA_PASSES_EMIT_MODELINFO_H
#define VITYA_PASSES_EMIT_MODELINFO_H

#include "mlir/IR/BuiltinOps.h"
#include "passes/report/ModelReport.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include <memory>
#include <string>
#include <vector>

namespace vitya {

/// A function that the runtime runs as the body of a loop, and the work of the kernel that it belongs to.
struct KernelBody {
  std::string function;
  WorkAttr work;
};

/// The attributes of a module at the end of the `llvm` phase, read once.
struct ModelInfo {
  std::string name, fingerprint, cpu, options;
  std::vector<std::string> levels; ///< the processors of all levels, of which `cpu` is one
  std::string weightsDigest;       ///< 32 hexadecimal digits: XXH3-128 of the packed weights
  std::vector<int64_t> image;      ///< channels, height, width
  PreprocessingAttr preprocessing;
  std::vector<std::string> classes, layers;
  std::vector<SettingAttr> settings; ///< empty if the model was not imported from a checkpoint
  std::vector<KernelBody> kernels;
  int64_t weightBytes = 0, workspaceBytes = 0;
  ModelReport report; ///< parameters, multiply-adds, linear layers and attentions; of a cascade also its outcome
  std::unique_ptr<ModelInfo> dense; ///< of a cascade the dense model, while all else is about the first one

  /// The text of `info` and the JSON object of `info --json`.
  std::string text() const;
  std::string json() const;
};

/// Writes how pictures become an `image` [channels, height, width] as members of the current JSON object.
void printPreprocessing(PreprocessingAttr preprocessing, llvm::ArrayRef<int64_t> image, llvm::json::OStream &os);

/// Reads the attributes of `module`, which is a model or a cascade. `options` are the compiler's options that shaped
/// the code. The error names the attribute that is missing.
llvm::Expected<ModelInfo> readModelInfo(mlir::ModuleOp module, llvm::StringRef cpu, llvm::StringRef options);

} // namespace vitya

#endif // VITYA_PASSES_EMIT_MODELINFO_H
