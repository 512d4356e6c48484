// The name is registered with LLVM's handlers of signals.
#include "tools/lib/TemporaryFile.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Signals.h"

using namespace llvm;

namespace vitya {

Expected<std::unique_ptr<TemporaryFile>> TemporaryFile::create(StringRef suffix) {
  SmallString<128> path;
  if (std::error_code error = sys::fs::createTemporaryFile("vitya", suffix, path))
    return makeError("expected a temporary folder that can be written, found: {0}", error.message());
  sys::RemoveFileOnSignal(path);
  return std::unique_ptr<TemporaryFile>(new TemporaryFile(path));
}

TemporaryFile::~TemporaryFile() { sys::DontRemoveFileOnSignal(name); }

Expected<std::unique_ptr<MemoryBuffer>> TemporaryFile::read() const {
  auto file = MemoryBuffer::getFile(name, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return makeError("expected a file that can be read at '{0}', found: {1}", name, file.getError().message());
  return std::move(*file);
}

} // namespace vitya
