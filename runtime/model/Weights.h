// The weights of a compiled model: in the program itself, or mapped from a file beside it.
#ifndef VITYA_RUNTIME_MODEL_WEIGHTS_H
#define VITYA_RUNTIME_MODEL_WEIGHTS_H

#include "runtime/Abi.h"
#include <stddef.h>
#include <stdint.h>

namespace vitya {

/// What a file of weights starts with; the weights follow. 64 bytes, so that they stay aligned.
struct WeightsHeader {
  char magic[8];     ///< "VITYA-W\n"
  int64_t bytes;     ///< of the weights
  char digest[32];   ///< hexadecimal, of the weights
  char reserved[16]; ///< zero
};
inline constexpr char kWeightsMagic[] = "VITYA-W\n";

/// The weights of `model`, or null with one line in `error` that says what was expected and found. Several callers
/// share the pages of a mapped file; it stays mapped until the process ends.
const void *loadWeights(const vitya_model &model, char *error, size_t errorSize);

} // namespace vitya

#endif // VITYA_RUNTIME_MODEL_WEIGHTS_H
