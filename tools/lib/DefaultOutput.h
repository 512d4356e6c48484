// Protects files of the user from outputs whose names the user did not choose.
#ifndef VITYA_TOOLS_LIB_DEFAULTOUTPUT_H
#define VITYA_TOOLS_LIB_DEFAULTOUTPUT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace vitya {

/// Fails if a folder exists at `path`, a name that vitya-compile has derived, or a regular file whose contents are not
/// those of a file that it has written.
llvm::Error checkDerivedOutput(llvm::StringRef path);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_DEFAULTOUTPUT_H
