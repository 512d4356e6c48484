// The safetensors format: a JSON header, then raw data.
#ifndef VITYA_FRONTEND_CHECKPOINT_SAFETENSORS_H
#define VITYA_FRONTEND_CHECKPOINT_SAFETENSORS_H

#include "frontend/checkpoint/StateDict.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBufferRef.h"

namespace vitya {

/// Whether `file` begins like safetensors: the length of a header, then the header's brace.
bool isSafeTensors(llvm::StringRef file);

/// The tensors of `file`, all in record 0, which is the file, in the order of their data; `metadata` becomes the
/// header's `__metadata__`.
llvm::Expected<std::vector<NamedTensor>> readSafeTensors(llvm::StringRef file, llvm::json::Object &metadata);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_SAFETENSORS_H
