// From an object to a static executable.
#ifndef VITYA_PASSES_EMIT_LINK_H
#define VITYA_PASSES_EMIT_LINK_H

#include "llvm/Support/Error.h"

namespace vitya {

/// Links `object` with the prelinked runtime in folder `runtime` and the machine's static C library into `executable`,
/// using ld.lld. Fails with one line that names what was not found, or with the linker's message.
llvm::Error linkExecutable(llvm::StringRef object, llvm::StringRef runtime, llvm::StringRef executable);

} // namespace vitya

#endif // VITYA_PASSES_EMIT_LINK_H
