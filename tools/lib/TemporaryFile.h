// A file that lasts as long as the program needs it.
#ifndef VITYA_TOOLS_LIB_TEMPORARYFILE_H
#define VITYA_TOOLS_LIB_TEMPORARYFILE_H

#include "llvm/Support/Error.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <string>

namespace vitya {

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

} // namespace vitya

#endif // VITYA_TOOLS_LIB_TEMPORARYFILE_H
