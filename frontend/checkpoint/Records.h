// The bytes of a file's tensors: numbered records of known size, from which ranges can be read.
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

  /// Returns the number of records.
  virtual uint64_t count() const = 0;

  /// Returns the size of record `number` in bytes.
  virtual uint64_t size(uint64_t number) const = 0;

  /// Fills `into` with the bytes of record `number` that begin at `offset`. Fails if the file ends before that.
  virtual llvm::Error read(uint64_t number, uint64_t offset, llvm::MutableArrayRef<char> into) const = 0;
};

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_RECORDS_H
