// How an error becomes the message and the exit code of a tool.
#ifndef VITYA_TOOLS_LIB_EXITCODE_H
#define VITYA_TOOLS_LIB_EXITCODE_H

#include "llvm/Support/Error.h"

namespace vitya {

/// Returns the exit code of `tool`: 0 for success, else 1. Prints "TOOL: error: MESSAGE" to standard error unless
/// `error` is a ReportedError.
int exitCodeOf(llvm::Error error, llvm::StringRef tool);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_EXITCODE_H
