// Running the compiler and the executables that it writes.
#ifndef VITYA_TOOLS_LIB_REPORT_PROGRAMS_H
#define VITYA_TOOLS_LIB_REPORT_PROGRAMS_H

#include "tools/lib/TemporaryFile.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <string>
#include <vector>

namespace vitya::report {

/// What a program that succeeded printed.
struct ProgramOutput {
  std::unique_ptr<llvm::MemoryBuffer> output;
  std::vector<std::string> remarks; ///< the lines of standard error without the name of the program
  double seconds = 0;
};

/// Runs the program at `path` without standard input. If its exit code is not 0, the error is the first line of
/// standard error that is no remark or warning, without the name of the program.
llvm::Expected<ProgramOutput> runProgram(llvm::StringRef path, llvm::ArrayRef<std::string> arguments);

} // namespace vitya::report

#endif // VITYA_TOOLS_LIB_REPORT_PROGRAMS_H
