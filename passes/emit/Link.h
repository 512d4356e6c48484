// Linking of finished objects.
#ifndef VITYA_PASSES_EMIT_LINK_H
#define VITYA_PASSES_EMIT_LINK_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya {

/// Links `object` with what is prelinked in folder `runtime` and the machine's C library using ld.lld, and
/// writes the result to `os`. An executable is static; a shared library needs the C library at run time, and exports
/// the functions of vitya.h. Fail with one line that names what was not found, or with the linker's message.
llvm::Error linkExecutable(llvm::StringRef object, llvm::StringRef runtime, llvm::raw_ostream &os);
llvm::Error linkLibrary(llvm::StringRef object, llvm::StringRef runtime, llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_PASSES_EMIT_LINK_H
