// The results of calling the functions and classes that a pickle names, as far as they matter for weights.
#ifndef VITYA_FRONTEND_CHECKPOINT_CONSTRUCTORS_H
#define VITYA_FRONTEND_CHECKPOINT_CONSTRUCTORS_H

#include "frontend/checkpoint/PickleValue.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <optional>

namespace vitya {

/// Returns what `callee(*arguments)` would return: one of the arguments, or `fresh`, filled as a tensor, a dict, or an
/// object that keeps the name and the arguments.
llvm::Expected<PickleValue *> construct(const PickleValue &callee, const PickleValue &arguments, PickleValue &fresh);

/// Fills `result` with the storage that a persistent id names,  ('storage', type, key, device, elements).
llvm::Error constructStorage(const PickleValue &id,
                             llvm::function_ref<std::optional<uint64_t>(llvm::StringRef)> recordNumber,
                             PickleValue &result);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_CONSTRUCTORS_H
