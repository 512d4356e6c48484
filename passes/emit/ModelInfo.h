// What an executable says about itself, rendered at compile time.
#ifndef VITYA_PASSES_EMIT_MODELINFO_H
#define VITYA_PASSES_EMIT_MODELINFO_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace vitya {

/// The attributes of a module at the end of the `llvm` phase, read once.
struct ModelInfo {
  std::string name, fingerprint, cpu, options;
  std::string weightsDigest;  ///< 32 hexadecimal digits: the first half of the SHA-256 of the packed weights
  std::vector<int64_t> image; ///< channels, height, width
  std::vector<std::string> classes, layers;
  int64_t parameters = 0, multiplyAdds = 0, integerMultiplyAdds = 0, weightBytes = 0, workspaceBytes = 0;
  mlir::ArrayAttr linears;
  mlir::ArrayAttr attentions; ///< null where the model has none

  /// The text of `info` and the JSON object of `info --json`.
  std::string text() const;
  std::string json() const;
};

/// Fails with one line that names the attribute that is missing. `options` are those of the compiler that shaped the
/// code.
llvm::Expected<ModelInfo> readModelInfo(mlir::ModuleOp module, llvm::StringRef cpu, llvm::StringRef options);

} // namespace vitya

#endif // VITYA_PASSES_EMIT_MODELINFO_H
