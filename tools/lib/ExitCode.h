// How a tool starts and ends: its command line, and how an error becomes its message and exit code.
#ifndef VITYA_TOOLS_LIB_EXITCODE_H
#define VITYA_TOOLS_LIB_EXITCODE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"

namespace vitya {

/// Returns the exit code of `tool`: 0 for success, else 1. Prints "TOOL: error: MESSAGE" to standard error unless
/// `error` is a ReportedError.
int exitCodeOf(llvm::Error error, llvm::StringRef tool);

/// The main function of `tool`: parses the command line, calls `run` and returns the exit code. --help shows `overview`
/// and the options of `categories`; --version shows `libraries`, the versions of libraries, too.
int runTool(int argc, char **argv, llvm::StringRef tool, llvm::StringRef overview,
            llvm::ArrayRef<const llvm::cl::OptionCategory *> categories, llvm::function_ref<llvm::Error()> run,
            llvm::StringRef libraries = "");

} // namespace vitya

#endif // VITYA_TOOLS_LIB_EXITCODE_H
