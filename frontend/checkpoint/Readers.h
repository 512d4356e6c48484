// One reader for each format of checkpoints. Each reduces a file to names, tensors and records.
#ifndef VITYA_FRONTEND_CHECKPOINT_READERS_H
#define VITYA_FRONTEND_CHECKPOINT_READERS_H

#include "frontend/checkpoint/StateDict.h"
#include "frontend/checkpoint/Unpickler.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBufferRef.h"

namespace vitya {

/// What a reader finds in a file. Tensors are checked to lie within their records, and have the names that the file
/// gives them.
struct CheckpointContents {
  std::vector<NamedTensor> tensors;
  llvm::json::Object settings; ///< the `vitya` entry
  std::string key;             ///< of the state dict that was chosen; empty if the file has no other value
  std::vector<std::string> otherKeys;
  std::unique_ptr<Records> records;
  std::unique_ptr<Pickle> pickle; ///< owns the quantizers of the tensors; null for formats without a pickle
};

/// A pickle holds the structure of a model, which takes kilobytes; a larger one would only fill the memory.
inline constexpr uint64_t kMaxPickleBytes = 64 << 20;

/// Reads the zip archive of `torch.save` since PyTorch 1.6, of LibTorch's `torch::save`, or of TorchScript.
llvm::Expected<CheckpointContents> readTorchArchive(llvm::MemoryBufferRef file, llvm::StringRef key);

/// Returns whether `bytes` begin with a pickle of protocol 2 or later.
bool isPickle(llvm::StringRef bytes);

/// Reads the format of `torch.save` before PyTorch 1.6: pickles, then the bytes of storages.
llvm::Expected<CheckpointContents> readLegacyTorch(llvm::StringRef bytes, llvm::StringRef key);

/// Reads safetensors, which hold one state dict.
llvm::Expected<CheckpointContents> readSafeTensors(llvm::StringRef bytes);

/// Returns whether `path` is that of the index of a checkpoint in several files, its shards.
bool isShardIndex(llvm::StringRef path);

/// Reads an index and its shards, which are files of the other formats in the same folder as the index. Fails unless
/// each tensor is in exactly the shard that the index names.
llvm::Expected<CheckpointContents> readShards(llvm::MemoryBufferRef index);

/// Fills tensors and settings from the values of the pickle, which `into` has, except for the checks of the tensors.
llvm::Error readPickledModel(llvm::StringRef key, CheckpointContents &into);

/// Reads a file of any format; `key` chooses among several state dicts.
llvm::Expected<CheckpointContents> readContents(llvm::MemoryBufferRef file, llvm::StringRef key);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_READERS_H
