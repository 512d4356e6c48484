// The choice of the code that runs among the levels of a model.
#ifndef VITYA_RUNTIME_PROCESSOR_LEVELS_H
#define VITYA_RUNTIME_PROCESSOR_LEVELS_H

#include "runtime/Abi.h"
#include <stddef.h>

namespace vitya {

/// Returns the level of `levels`, a list that ends with null, which the environment variable VITYA_LEVEL names. If it
/// is not set, returns the last level whose features this processor has, or the first one if there is none. Returns
/// null if there is no level of that name, and writes one line to `error`, a buffer of `size` bytes, that states what
/// was expected and found.
const vitya_model *chooseLevel(const vitya_model *const *levels, char *error, size_t size);

} // namespace vitya

#endif // VITYA_RUNTIME_PROCESSOR_LEVELS_H
