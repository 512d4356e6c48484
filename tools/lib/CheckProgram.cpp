// The model travels in a temporary file.
#include "tools/lib/CheckProgram.h"
#include "dialect/support/Errors.h"
#include "dialect/support/ProgramFolder.h"
#include "tools/lib/ChildProcess.h"
#include "tools/lib/ModelInput.h"
#include "tools/lib/TemporaryFile.h"
#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Host.h"

namespace vitya {

llvm::Error checkWithLibTorch(mlir::ModuleOp module, llvm::StringRef cpu, const llvm::Triple &system,
                              llvm::StringRef images) {
  llvm::Triple host(llvm::sys::getDefaultTargetTriple());
  if (system.getArch() != host.getArch())
    return makeError("expected --check with a target that this machine executes, {0}, found {1}", host.getArchName(),
                     system.getArchName());
  constexpr llvm::StringLiteral kProgram = "vitya-check";
  llvm::ErrorOr<std::string> program = llvm::sys::findProgramByName(kProgram, {programFolder()});
  if (!program)
    return makeError("expected the program {0} in '{1}' for --check, found none: it is built if CMake finds LibTorch",
                     kProgram, programFolder());
  llvm::Expected<std::unique_ptr<TemporaryFile>> file = TemporaryFile::create("mlirbc");
  if (!file)
    return file.takeError();
  llvm::StringRef path = (*file)->path();
  if (llvm::Error error = writeModule(module, path))
    return error;
  std::string cpuFlag = "--cpu=" + cpu.str(), imagesFlag = "--images=" + images.str();
  llvm::SmallVector<llvm::StringRef> arguments = {*program, path, cpuFlag};
  if (!images.empty())
    arguments.push_back(imagesFlag);
  std::string message;
  int status = executeAndWait(*program, arguments, /*redirects=*/{}, message);
  if (status == 0)
    return llvm::Error::success();
  return message.empty() ? reportedError() : makeError("expected '{0}' to end, found: {1}", *program, message);
}

} // namespace vitya
