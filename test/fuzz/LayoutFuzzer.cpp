// Parses a layout file, including the positions of its errors.
#include "frontend/layout/Layout.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  llvm::Expected<vitya::Layout> layout = vitya::Layout::parse("fuzz.json", text);
  if (!layout)
    llvm::consumeError(layout.takeError());
  return 0;
}
