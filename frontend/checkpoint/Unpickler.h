// Reads Python's pickle format without executing anything in it.
#ifndef VITYA_FRONTEND_CHECKPOINT_UNPICKLER_H
#define VITYA_FRONTEND_CHECKPOINT_UNPICKLER_H

#include "frontend/checkpoint/Constructors.h"
#include "frontend/checkpoint/PickleMemory.h"
#include "llvm/Support/StringSaver.h"
#include <deque>

namespace vitya {

/// The values of a pickle, which it owns.
class Pickle {
public:
  /// Reads the pickle of protocol 1 to 5, as PyTorch and LibTorch write it, at the start of `bytes`. Nothing is
  /// imported or called: known constructors (tensors, parameters, ordered dicts, sizes) become values, everything else
  /// becomes an object. Tensors refer to records by the numbers that `recordNumber` returns.
  /// Fails if the values would take much more memory than the pickle.
  static llvm::Expected<std::unique_ptr<Pickle>> read(llvm::StringRef bytes, RecordNumber recordNumber);

  const PickleValue &root() const { return *rootValue; }

  /// Returns the number of bytes of the pickle.
  size_t bytes() const { return byteCount; }

  /// What is made of the values counts its memory here.
  PickleMemory memory;

  /// For `read`: an empty pickle of this many bytes.
  explicit Pickle(size_t bytes) : memory(bytes) {}

private:
  friend class Unpickler;
  std::deque<PickleValue> values;
  llvm::BumpPtrAllocator allocator;
  llvm::StringSaver strings{allocator};
  const PickleValue *rootValue = nullptr;
  size_t byteCount = 0;
};

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_UNPICKLER_H
