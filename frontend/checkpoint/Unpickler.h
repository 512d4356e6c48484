// Reads Python's pickle format without executing anything in it.
#ifndef VITYA_FRONTEND_CHECKPOINT_UNPICKLER_H
#define VITYA_FRONTEND_CHECKPOINT_UNPICKLER_H

#include "frontend/checkpoint/PickleValue.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/StringSaver.h"
#include <deque>
#include <optional>

namespace vitya {

/// The values of a pickle, which it owns.
class Pickle {
public:
  /// Reads `bytes`, a pickle of protocol 1 to 5 as PyTorch and LibTorch write it. Nothing is imported or called: known
  /// constructors (tensors, parameters, ordered dicts, sizes) become values, everything else becomes an object. Tensors
  /// refer to records by number: `recordNumber` returns the number for the key of a storage, and an unknown key is an
  /// error.
  static llvm::Expected<std::unique_ptr<Pickle>>
  read(llvm::StringRef bytes, llvm::function_ref<std::optional<uint64_t>(llvm::StringRef)> recordNumber);

  const PickleValue &root() const { return *rootValue; }

private:
  friend class Unpickler;
  std::deque<PickleValue> values;
  llvm::BumpPtrAllocator allocator;
  llvm::StringSaver strings{allocator};
  const PickleValue *rootValue = nullptr;
};

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_UNPICKLER_H
