// Protects files of the user from outputs whose names the user did not choose.
#ifndef VITYA_TOOLS_LIB_DEFAULTOUTPUT_H
#define VITYA_TOOLS_LIB_DEFAULTOUTPUT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace vitya {

/// Whether `bytes` are the contents of a file that vitya-compile has written: bytecode with "vitya" as its producer, a
/// checkpoint with the entry of `writeCheckpoint`, a file of weights, the header of libraries, or assembly or machine
/// code that contains the description of a model.
bool isWrittenByVitya(llvm::StringRef bytes);

/// Fails if a folder exists at `path`, a name that vitya-compile has derived, or a regular file that `isWrittenByVitya`
/// does not recognise.
llvm::Error checkDerivedOutput(llvm::StringRef path);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_DEFAULTOUTPUT_H
