// Instruction set extensions of the processor that the program runs on.
#ifndef VITYA_RUNTIME_PROCESSOR_FEATURES_H
#define VITYA_RUNTIME_PROCESSOR_FEATURES_H

#include <stddef.h>

namespace vitya {

/// Returns whether the processor has the extension `name`, given by LLVM's name for it with `length` bytes, and the
/// operating system saves its registers. Returns false for unknown names.
bool hasFeature(const char *name, size_t length);

/// Writes to `missing`, a buffer of `size` bytes, those of the space-separated extensions `features` that the processor
/// lacks, separated by spaces. Returns whether any is missing.
bool missingFeatures(const char *features, char *missing, size_t size);

} // namespace vitya

#endif // VITYA_RUNTIME_PROCESSOR_FEATURES_H
