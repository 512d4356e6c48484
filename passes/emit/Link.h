// Links object files to executables and shared libraries.
#ifndef VITYA_PASSES_EMIT_LINK_H
#define VITYA_PASSES_EMIT_LINK_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya {

/// Links the object file at path `object` with the prelinked runtime in folder `runtime` and the machine's C library,
/// and writes a static executable to `os`. Calls ld.lld. Fails with one line that names the file that was not found, or
/// with the first line of the linker's message.
llvm::Error linkExecutable(llvm::StringRef object, llvm::StringRef runtime, llvm::raw_ostream &os);

/// Links a shared library instead, which exports the functions of vitya.h and needs the C library at run time.
llvm::Error linkLibrary(llvm::StringRef object, llvm::StringRef runtime, llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_PASSES_EMIT_LINK_H
