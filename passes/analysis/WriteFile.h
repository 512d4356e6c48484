// Files that passes write.
#ifndef VITYA_PASSES_ANALYSIS_WRITEFILE_H
#define VITYA_PASSES_ANALYSIS_WRITEFILE_H

#include "llvm/Support/Error.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya {

/// Writes `path` by `write`, at once or not at all; the error names the file.
inline llvm::Error writeFile(llvm::StringRef path, llvm::function_ref<void(llvm::raw_ostream &)> write) {
  llvm::Error error = llvm::writeToOutput(path, [&](llvm::raw_ostream &os) {
    write(os);
    return llvm::Error::success();
  });
  if (!error)
    return error;
  return llvm::createStringError("expected a file that can be written at '" + path +
                                 "', found: " + llvm::toString(std::move(error)));
}

} // namespace vitya

#endif // VITYA_PASSES_ANALYSIS_WRITEFILE_H
