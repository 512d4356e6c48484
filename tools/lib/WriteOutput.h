// Output files of the tools: complete or not there.
#ifndef VITYA_TOOLS_LIB_WRITEOUTPUT_H
#define VITYA_TOOLS_LIB_WRITEOUTPUT_H

#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <functional>

namespace vitya {

/// Writes `path` ("-" is standard output) through `write`, beside it first and then under its name. An error of `write`
/// or of the file system, a full disk or a closed pipe included, leaves nothing behind and names the file.
llvm::Error writeOutput(llvm::StringRef path, std::function<llvm::Error(llvm::raw_ostream &)> write);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_WRITEOUTPUT_H
