// Reads a checkpoint of any format from memory, and the elements of every tensor. What begins as JSON is the index of a
// checkpoint in several files, in a folder that does not exist.
#include "frontend/checkpoint/Checkpoint.h"
#include "llvm/Support/MemoryBufferRef.h"
#include <numeric>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef bytes(reinterpret_cast<const char *>(data), size);
  llvm::StringRef name = bytes.starts_with("{") ? "/nonexistent/fuzz.index.json" : "fuzz";
  llvm::Expected<vitya::Checkpoint> checkpoint = vitya::Checkpoint::read(llvm::MemoryBufferRef(bytes, name), "");
  if (!checkpoint) {
    llvm::consumeError(checkpoint.takeError());
    return 0;
  }
  llvm::consumeError(checkpoint->joinWeights());
  for (const vitya::NamedTensor &named : checkpoint->tensors()) {
    int64_t count = named.tensor.elements();
    // With a stride of zero, a large tensor needs only a few bytes.
    if (count > 1 << 20)
      continue;
    std::vector<float> values(count);
    llvm::consumeError(checkpoint->readFloats(named, values));
    if (llvm::Expected<vitya::QuantizedTensor> weight = checkpoint->readQuantized(named); !weight)
      llvm::consumeError(weight.takeError());
  }
  return 0;
}
