// The results of calling the functions and classes that a pickle names, as far as they matter for weights.
#ifndef VITYA_FRONTEND_CHECKPOINT_CONSTRUCTORS_H
#define VITYA_FRONTEND_CHECKPOINT_CONSTRUCTORS_H

#include "frontend/checkpoint/PickleValue.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace vitya {

/// A storage as a pickle refers to it.
struct StorageId {
  llvm::StringRef key;
  int64_t elements; ///< not negative
  unsigned elementBytes;

  uint64_t bytes() const { return static_cast<uint64_t>(elements) * elementBytes; }
};

/// Returns the number of the record that has the bytes of a storage, or an error if there is none.
using RecordNumber = llvm::function_ref<llvm::Expected<uint64_t>(const StorageId &)>;

/// Returns what `callee(*arguments)` would return: one of the arguments, or `fresh`, filled as a tensor, a dict, or an
/// object that keeps the name and the arguments.
llvm::Expected<PickleValue *> construct(const PickleValue &callee, const PickleValue &arguments, PickleValue &fresh);

/// Fills `result` with what a persistent id names: the storage of ('storage', type, key, device, elements), or, in
/// files before PyTorch 1.6, the class of ('module', class, source file, source).
llvm::Error constructPersistent(const PickleValue &id, RecordNumber recordNumber, PickleValue &result);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_CONSTRUCTORS_H
