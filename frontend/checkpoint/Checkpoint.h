// A file of trained weights: its tensors by name, and its settings for the model.
#ifndef VITYA_FRONTEND_CHECKPOINT_CHECKPOINT_H
#define VITYA_FRONTEND_CHECKPOINT_CHECKPOINT_H

#include "frontend/checkpoint/IntegerWeights.h"
#include "frontend/checkpoint/QuantizedTensor.h"
#include "llvm/Support/MemoryBufferRef.h"
#include <memory>

namespace vitya {

struct CheckpointContents;

/// The entry of a file that has the settings of the model.
inline constexpr llvm::StringLiteral kMetadataKey = "vitya";

class Checkpoint {
public:
  /// Reads the names, types and shapes of a checkpoint in memory: `torch.save`, LibTorch's `torch::save`, TorchScript,
  /// safetensors, or the index of a checkpoint in several files, which are in the folder of `file`'s identifier. `key`
  /// chooses among several state dicts. Every tensor is checked to lie within its record; its bytes are read later, so
  /// `file` outlives the result. `dropWrappers` is applied to the names.
  static llvm::Expected<Checkpoint> read(llvm::MemoryBufferRef file, llvm::StringRef key);

  /// Makes a checkpoint of `tensors`, each of which `checkTensor` accepted, in `records`.
  static Checkpoint make(std::vector<NamedTensor> tensors, std::unique_ptr<Records> records);

  Checkpoint(Checkpoint &&) noexcept;
  Checkpoint &operator=(Checkpoint &&) noexcept;
  ~Checkpoint();

  llvm::ArrayRef<NamedTensor> tensors() const;

  /// Returns in one sentence how the state dict was found in the file and which components its names have lost; empty
  /// if there is nothing to say.
  std::string describeUnwrapping() const;

  /// Removes `prefix` from the names of all tensors, and the tensors whose names do not begin with it. Returns the
  /// names of these. Fails if no name begins with it.
  llvm::Expected<std::vector<std::string>> dropPrefix(llvm::StringRef prefix);

  /// Joins the integers and the scales of weights that this compiler has quantized. See `vitya::joinWeights`.
  llvm::Error joinWeights();

  /// Returns the `vitya` entry of the file: settings such as heads, eps, mean, std and classes.
  const llvm::json::Object &metadata() const;

  /// See `vitya::readFloats`.
  llvm::Error readFloats(const NamedTensor &named, llvm::MutableArrayRef<float> into) const;

  /// See `vitya::readBytes`.
  llvm::Error readBytes(const NamedTensor &named, llvm::MutableArrayRef<char> into) const;

  /// See `vitya::readQuantized`.
  llvm::Expected<QuantizedTensor> readQuantized(const NamedTensor &named) const;

private:
  explicit Checkpoint(CheckpointContents contents);

  std::unique_ptr<CheckpointContents> contents;
  std::vector<std::string> wrappers; ///< components that names have lost
};

/// Returns whether a file that begins with `bytes` is a checkpoint rather than IR.
bool looksLikeCheckpoint(llvm::StringRef bytes);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_CHECKPOINT_H
