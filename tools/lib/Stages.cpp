// Names and writes the files.
#include "tools/lib/Stages.h"
#include "dialect/support/Errors.h"
#include "dialect/support/WriteOutput.h"
#include "tools/lib/ModelInput.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace vitya {

std::string Stages::path(StringRef name, StringRef suffix) const {
  llvm::SmallString<128> result(folder);
  llvm::sys::path::append(result, llvm::formatv("{0}-{1}{2}", number, name, suffix).str());
  return std::string(result);
}

llvm::Error Stages::write(StringRef name, StringRef suffix, llvm::function_ref<llvm::Error(llvm::raw_ostream &)> body) {
  return writeOutput(path(name, suffix), body);
}

llvm::Error Stages::write(ModuleOp module, StringRef phase) {
  if (folder.empty())
    return llvm::Error::success();
  if (std::error_code error = llvm::sys::fs::create_directories(folder))
    return makeError("expected a folder that can be written at '" + folder + "', found: " + error.message());
  if (llvm::Error error = write(phase, ".mlir", [&](llvm::raw_ostream &os) {
        module.print(os, OpPrintingFlags().elideLargeResourceString().elideLargeElementsAttrs());
        return llvm::Error::success();
      }))
    return error;
  llvm::Error error = writeModule(module, path(phase, ".mlirbc"));
  ++number;
  return error;
}

} // namespace vitya
