// Links object files to executables and shared libraries.
#ifndef VITYA_PASSES_EMIT_LINK_H
#define VITYA_PASSES_EMIT_LINK_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Triple.h"

namespace vitya {

/// Links the object file at path `object`, which is code for `triple`, with the prelinked runtime of that system in or
/// below folder `runtime` and its C library, and writes a static executable to `os`. Calls ld.lld. Fails with one line
/// that names the file that was not found, or with the first line of the linker's message.
llvm::Error linkExecutable(llvm::StringRef object, llvm::StringRef runtime, const llvm::Triple &triple,
                           llvm::raw_ostream &os);

/// Links a shared library instead, which exports the functions of vitya.h and needs the C library at run time.
llvm::Error linkLibrary(llvm::StringRef object, llvm::StringRef runtime, const llvm::Triple &triple,
                        llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_PASSES_EMIT_LINK_H
