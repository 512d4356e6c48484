// Extends llvm::writeToOutput in two ways: errors of the stream are returned, where its destructor would abort, and a
// path that is not a regular file is written in place, where a rename would replace the device.
#include "dialect/support/WriteOutput.h"
#include "dialect/support/Errors.h"
#include "llvm/Support/FileSystem.h"
#include <csignal>

using namespace llvm;

namespace vitya {

using Write = function_ref<Error(raw_ostream &)>;

/// Runs `write` on `os` and returns its error, or that of the stream.
static Error writeChecked(raw_ostream &os, raw_fd_ostream *file, Write write) {
  Error error = write(os);
  os.flush();
  if (!file || !file->has_error())
    return error;
  std::error_code code = file->error();
  file->clear_error();
  consumeError(std::move(error));
  return errorCodeToError(code);
}

/// Writes to a device or a pipe.
static Error writeInPlace(StringRef path, Write write) {
  std::error_code code;
  raw_fd_ostream os(path, code);
  if (code)
    return errorCodeToError(code);
  return writeChecked(os, &os, write);
}

Error writeOutput(StringRef path, Write write) {
  // A write to a closed pipe fails with an error instead of ending the process.
  auto *previous = std::signal(SIGPIPE, SIG_IGN);
  sys::fs::file_status status;
  bool isSpecial = path != "-" && !sys::fs::status(path, status) && sys::fs::is_other(status);
  Error error = isSpecial ? writeInPlace(path, write) : writeToOutput(path, [&](raw_ostream &os) {
    return writeChecked(os, static_cast<raw_fd_ostream *>(&os), write);
  });
  std::signal(SIGPIPE, previous);
  auto unwritable = [&](const std::string &found) {
    return makeError("expected a file that can be written at '{0}', found: {1}", path, found);
  };
  return handleErrors(
      std::move(error), [&](const FileError &failure) { return unwritable(failure.messageWithoutFileInfo()); },
      [&](const ECError &failure) { return unwritable(failure.message()); });
}

} // namespace vitya
