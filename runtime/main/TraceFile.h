// Writes a trace in the JSON trace event format, which Perfetto and chrome://tracing read.
#ifndef VITYA_RUNTIME_MAIN_TRACEFILE_H
#define VITYA_RUNTIME_MAIN_TRACEFILE_H

#include "runtime/Abi.h"
#include "runtime/threads/Profile.h"
#include <stddef.h>

namespace vitya {

/// Writes `trace`, a run of `model`, to the file `path`: a track for each thread with the layers that it computed, in
/// microseconds after the first one. A regular file appears, or is replaced, only once it is complete. On failure,
/// returns false and writes one line to `error` that states what was expected and found.
bool writeTrace(const vitya_model &model, const Trace &trace, const char *path, char *error, size_t errorSize);

} // namespace vitya

#endif // VITYA_RUNTIME_MAIN_TRACEFILE_H
