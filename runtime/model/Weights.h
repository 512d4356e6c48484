// Access to the weights of a compiled model, which are embedded in the program or in a file next to it.
#ifndef VITYA_RUNTIME_MODEL_WEIGHTS_H
#define VITYA_RUNTIME_MODEL_WEIGHTS_H

#include "runtime/Abi.h"
#include <stddef.h>
#include <stdint.h>

namespace vitya {

/// A weights file has the weights of one or more levels. Each begins with this header, whose 64 bytes keep the weights
/// aligned; the size of weights is a multiple of 64.
struct WeightsHeader {
  char magic[8];     ///< "VITYA-W\n"
  int64_t bytes;     ///< size of the weights
  char digest[32];   ///< XXH3-128 of the weights, hexadecimal
  char reserved[16]; ///< zero
};
inline constexpr char kWeightsMagic[] = "VITYA-W\n";

/// The weights of a model, and those of the dense model if it is a cascade, else null.
struct ModelWeights {
  const void *own = nullptr, *dense = nullptr;
};

/// Loads the weights of `model`. A weights file is read once, to compare the digest of its bytes with that of the
/// model; it stays mapped until unloadWeights(), and processes share its pages. On failure, returns false and writes
/// one line to `error` that states what was expected and found.
bool loadWeights(const vitya_model &model, ModelWeights &weights, char *error, size_t errorSize);

/// Unmaps the files of `weights`, which become null.
void unloadWeights(const vitya_model &model, ModelWeights &weights);

} // namespace vitya

#endif // VITYA_RUNTIME_MODEL_WEIGHTS_H
