// Reads the JSON files of a model's folder: the same bytes as config.json and as preprocessor_config.json.
#include "frontend/import/ModelConfig.h"
#include "frontend/layout/Settings.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::MemoryBufferRef file(llvm::StringRef(reinterpret_cast<const char *>(data), size), "fuzz.json");
  for (bool isConfig : {true, false}) {
    std::optional<llvm::MemoryBufferRef> none, some = file;
    llvm::Expected<vitya::ModelConfig> config =
        vitya::ModelConfig::read(isConfig ? some : none, isConfig ? none : some);
    if (!config) {
      llvm::consumeError(config.takeError());
      continue;
    }
    if (llvm::Expected<vitya::Settings> settings = vitya::Settings::merge({}, {}, {}, config->settings); !settings)
      llvm::consumeError(settings.takeError());
  }
  return 0;
}
