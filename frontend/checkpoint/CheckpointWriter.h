// Writes checkpoints that PyTorch can read, even with `torch.load(weights_only=True)`.
#ifndef VITYA_FRONTEND_CHECKPOINT_CHECKPOINTWRITER_H
#define VITYA_FRONTEND_CHECKPOINT_CHECKPOINTWRITER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <vector>

namespace vitya {

/// The entry that `writeCheckpoint` adds and that other writers do not, in the archive's only folder.
inline constexpr llvm::StringLiteral kWriterEntry = "archive/vitya_version";

/// An f32 tensor in row-major order.
struct TensorToWrite {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> values;
};

/// Writes {'state_dict': OrderedDict of `tensors`, in their order, 'vitya': `settings`} as `torch.save` does: a zip
/// archive of stored entries, first the pickle of protocol 2, then one record for each tensor, at the end the versions
/// of the format and of the writer. Equal contents give equal bytes.
llvm::Error writeCheckpoint(llvm::ArrayRef<TensorToWrite> tensors, const llvm::json::Object &settings,
                            llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_CHECKPOINTWRITER_H
