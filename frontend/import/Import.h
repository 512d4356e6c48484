// Imports trained models.
#ifndef VITYA_FRONTEND_IMPORT_IMPORT_H
#define VITYA_FRONTEND_IMPORT_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"
#include <optional>
#include <string>
#include <vector>

namespace vitya {

/// The files of a model in memory. They outlive the import.
struct ModelSource {
  llvm::MemoryBufferRef weights;                              ///< a checkpoint, or the index of one in several files
  std::optional<llvm::MemoryBufferRef> config = std::nullopt; ///< config.json
  std::optional<llvm::MemoryBufferRef> preprocessor = std::nullopt; ///< preprocessor_config.json
};

struct ImportOptions {
  std::string layout = "auto";       ///< the name of a layout, the path of a layout file, or "auto": the one that fits
  std::string prefix;                ///< of the names of the model's tensors; other tensors are left out
  std::string key;                   ///< of the state dict, in a file with several: dict keys separated by dots
  std::vector<std::string> settings; ///< "key=value", see docs/layouts.md
  std::string layoutFolder;          ///< the folder of layouts; empty: share/vitya/layouts of the running program

  /// The first of the options on how to read a checkpoint that is not the default, such as "layout"; else empty.
  llvm::StringRef given() const {
    return layout != "auto"    ? "layout"
           : !prefix.empty()   ? "prefix"
           : !key.empty()      ? "key"
           : !settings.empty() ? "set"
                               : "";
  }
};

/// Reads a checkpoint and returns the model as a module of phase `import`; it is called `name` unless a
/// setting names it. @main maps one image of shape [channels, height, width] with pixels in [0, 1] to logits of shape
/// [1, classes]. Ops correspond to the checkpoint one to one; weights are resources with the names of their tensors,
/// and layers have the checkpoint's names. Errors are one line that names the file.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>> importModel(mlir::MLIRContext &context, const ModelSource &source,
                                                              llvm::StringRef name, const ImportOptions &options);

/// Prints one line for each tensor of a checkpoint in memory: name, element type, shape, bytes. `context` reports how
/// the state dict was found.
llvm::Error listTensors(mlir::MLIRContext &context, llvm::MemoryBufferRef file, llvm::StringRef key,
                        llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_IMPORT_H
