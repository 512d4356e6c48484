// What the processor can do.
#ifndef VITYA_RUNTIME_MAIN_PROCESSOR_H
#define VITYA_RUNTIME_MAIN_PROCESSOR_H

#include <stddef.h>

namespace vitya {

/// Whether the processor (and the operating system) offer the extension `name`, in LLVM's words. Unknown names are not
/// offered.
bool hasFeature(const char *name, size_t length);

/// Writes those of the space-separated `features` that are missing, separated by spaces, into `missing`. Returns
/// whether there are any.
bool missingFeatures(const char *features, char *missing, size_t size);

/// Runs fused multiply-adds on registers only for about `seconds` and returns GFLOP/s of this thread: what no code on
/// this processor can exceed. 0 where the kernel for this processor is unknown.
double peakGflops(double seconds);

} // namespace vitya

#endif // VITYA_RUNTIME_MAIN_PROCESSOR_H
