// Executables and shared libraries, and the files that belong beside them.
#ifndef VITYA_TOOLS_LIB_LINKEDOUTPUT_H
#define VITYA_TOOLS_LIB_LINKEDOUTPUT_H

#include "passes/emit/Object.h"
#include "tools/lib/StepTimer.h"

namespace vitya {

/// Links the levels of a model with the runtime, and writes an executable or a shared library to `path`, and beside it
/// the header of a library, and the weights if they are not embedded. Fails with one line if a file of another program
/// has the name of one of those. On failure nothing is left behind.
llvm::Error emitLinked(llvm::ArrayRef<Level> levels, const EmitOptions &options, bool isLibrary, llvm::StringRef path,
                       StepTimer &timer);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_LINKEDOUTPUT_H
