// Where the bytes of tensors lie: numbered records of known size, read piece by piece.
#ifndef VITYA_FRONTEND_CHECKPOINT_RECORDS_H
#define VITYA_FRONTEND_CHECKPOINT_RECORDS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>

namespace vitya {

/// The records of one file.
class Records {
public:
  virtual ~Records() = default;

  /// Bytes of record `number`.
  virtual uint64_t size(uint64_t number) const = 0;

  /// Copies the bytes of record `number` from `offset` on into `into`. Fails where the file ends too early.
  virtual llvm::Error read(uint64_t number, uint64_t offset, llvm::MutableArrayRef<char> into) const = 0;
};

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_RECORDS_H
