// What the JSON files in a model's folder say: config.json of Hugging Face's Transformers or of timm, and
// preprocessor_config.json.
#ifndef VITYA_FRONTEND_IMPORT_MODELCONFIG_H
#define VITYA_FRONTEND_IMPORT_MODELCONFIG_H

#include "frontend/checkpoint/StateDict.h"
#include "frontend/layout/Layout.h"
#include "llvm/Support/MemoryBufferRef.h"
#include <optional>

namespace vitya {

class ModelConfig {
public:
  /// Reads the files, either of which may be absent. Errors name file, line, column and key.
  static llvm::Expected<ModelConfig> read(std::optional<llvm::MemoryBufferRef> config,
                                          std::optional<llvm::MemoryBufferRef> preprocessor);

  /// The settings that the files give, with the keys of docs/layouts.md.
  llvm::json::Object settings;

  /// Whether the files give every setting that a layout would have to guess.
  bool isComplete() const;

  /// Sentences about what the files say and the compiler does otherwise.
  std::vector<std::string> remarks;

  /// Fails if a size in the files contradicts the shape of a tensor; the error names both. `steps` are those of a match
  /// with `tensors`. Names of classes are dropped, with a remark, if the model has no classifier.
  llvm::Error checkSizes(const Steps &steps, llvm::ArrayRef<NamedTensor> tensors);

private:
  friend class ConfigReader;

  enum class Size { width, depth, hidden, patch, channels, classes, image };
  struct Claim {
    Size size;
    int64_t height, width; ///< equal for sizes that are one number
    std::string where;     ///< for errors: "FILE:LINE:COLUMN: key 'KEY'"
  };
  std::vector<Claim> claims;
};

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_MODELCONFIG_H
