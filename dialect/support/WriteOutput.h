// Output files that are either complete or absent.
#ifndef VITYA_DIALECT_SUPPORT_WRITEOUTPUT_H
#define VITYA_DIALECT_SUPPORT_WRITEOUTPUT_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya {

/// Creates or replaces the file `path` ("-" is standard output) with the bytes that `write` puts into its stream. The
/// bytes go to a temporary file in the same folder, which is renamed at the end; pipes and devices are written
/// directly. On an error of `write` or of the file system, a full disk or a closed pipe included, the temporary file is
/// removed and `path` stays as it was. Errors of the file system name `path`; an error of `write` is returned
/// unchanged.
llvm::Error writeOutput(llvm::StringRef path, llvm::function_ref<llvm::Error(llvm::raw_ostream &)> write);

} // namespace vitya

#endif // VITYA_DIALECT_SUPPORT_WRITEOUTPUT_H
