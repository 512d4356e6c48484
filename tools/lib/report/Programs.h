// Running the compiler and the executables that it writes.
#ifndef VITYA_TOOLS_LIB_REPORT_PROGRAMS_H
#define VITYA_TOOLS_LIB_REPORT_PROGRAMS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <string>
#include <vector>

namespace vitya::report {

/// A file with a new name in the folder of temporary files, which is removed with this object, and also if a signal
/// ends the program.
class TemporaryFile {
public:
  static llvm::Expected<std::unique_ptr<TemporaryFile>> create(llvm::StringRef suffix);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;

  llvm::StringRef path() const { return name; }
  /// Reads or maps the file.
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> read() const;

private:
  explicit TemporaryFile(llvm::StringRef path) : name(path), remover(path) {}

  std::string name;
  llvm::FileRemover remover;
};

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
