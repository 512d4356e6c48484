// The safetensors format (https://github.com/huggingface/safetensors): the length of a header as u64, the header as
// JSON, then the data of all tensors.
#ifndef VITYA_DIALECT_SUPPORT_SAFETENSORS_H
#define VITYA_DIALECT_SUPPORT_SAFETENSORS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include <string>
#include <vector>

namespace vitya {

/// A tensor as the header describes it.
struct SafeTensor {
  std::string name;
  std::string type; ///< "F32", "I64", ...
  std::vector<int64_t> shape;
  uint64_t bytes = 0;  ///< of data, in row-major order
  uint64_t offset = 0; ///< of the data from the start of the file; the writer ignores it
};

struct SafeTensorsHeader {
  std::vector<SafeTensor> tensors; ///< in the order of their data
  llvm::json::Object metadata;     ///< `__metadata__`, whose values are strings
};

/// Returns whether `file` begins as this format does: eight bytes, then the brace of the header.
bool isSafeTensors(llvm::StringRef file);

/// Reads the header of `file`. Fails if it is incomplete or malformed, or if the data of a tensor reaches past the end
/// of the file. The caller checks that a tensor's type is one it knows and that its shape agrees with its bytes.
llvm::Expected<SafeTensorsHeader> readSafeTensorsHeader(llvm::StringRef file);

/// Writes a file of `tensors` and `metadata`. `writeData` is called once for each tensor, in order, and writes exactly
/// its `bytes`. All data is aligned to eight bytes if each tensor's size is a multiple of eight.
void writeSafeTensors(llvm::ArrayRef<SafeTensor> tensors, const llvm::json::Object &metadata, llvm::raw_ostream &os,
                      llvm::function_ref<void(size_t index, llvm::raw_ostream &os)> writeData);

} // namespace vitya

#endif // VITYA_DIALECT_SUPPORT_SAFETENSORS_H
