// Writes checkpoints that PyTorch can read, even with `torch.load(weights_only=True)`, or safetensors.
#ifndef VITYA_FRONTEND_CHECKPOINT_CHECKPOINTWRITER_H
#define VITYA_FRONTEND_CHECKPOINT_CHECKPOINTWRITER_H

#include "frontend/checkpoint/Tensor.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include <vector>

namespace vitya {

/// The entry that `writeCheckpoint` adds and that other writers do not, in the archive's only folder.
inline constexpr llvm::StringLiteral kWriterEntry = "archive/vitya_version";

/// A tensor whose elements are in row-major order.
struct TensorToWrite {
  std::string name;
  const ElementType *type; ///< one that both formats have
  std::vector<int64_t> shape;
  std::vector<char> bytes;
};

enum class CheckpointFormat { torch, safetensors };

/// The format of a file called `path`: safetensors if its name says so, else PyTorch's.
CheckpointFormat checkpointFormatOf(llvm::StringRef path);

/// Writes `tensors`, in their order, and `settings`. For PyTorch they are {'state_dict': OrderedDict of `tensors`,
/// 'vitya': `settings`}, as `torch.save` writes it: a zip archive of stored entries, first the pickle of protocol 2,
/// then one record for each tensor, at the end the versions of the format and of the writer. In safetensors the
/// settings are JSON under 'vitya' in `__metadata__`. Equal contents give equal bytes.
llvm::Error writeCheckpoint(llvm::ArrayRef<TensorToWrite> tensors, const llvm::json::Object &settings,
                            CheckpointFormat format, llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_CHECKPOINTWRITER_H
