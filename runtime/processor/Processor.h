// What the processor can do.
#ifndef VITYA_RUNTIME_PROCESSOR_PROCESSOR_H
#define VITYA_RUNTIME_PROCESSOR_PROCESSOR_H

#include <stddef.h>

namespace vitya {

/// Whether the processor (and the operating system) offer the extension `name`, in LLVM's words. Unknown names are not
/// offered.
bool hasFeature(const char *name, size_t length);

/// Writes those of the space-separated `features` that are missing, separated by spaces, into `missing`. Returns
/// whether there are any.
bool missingFeatures(const char *features, char *missing, size_t size);

/// What is multiplied and added up.
enum class Numbers { floats, bytes };

/// Runs multiply-adds on registers only for about `seconds` and returns what this thread reaches, in 10^9 operations a
/// second, two for each multiply-add: what no code on this processor can exceed. Floats have fused multiply-adds, bytes
/// the widest exact instructions there are: dot products of bytes or of pairs of 16 bits. 0 where the kernel for this
/// processor is unknown.
double peakRate(Numbers numbers, double seconds);

} // namespace vitya

#endif // VITYA_RUNTIME_PROCESSOR_PROCESSOR_H
