// llvm::writeToOutput, with the errors that it leaves to the stream's destructor, which would abort, and without
// replacing what is no regular file.
#include "tools/lib/WriteOutput.h"
#include "llvm/Support/FileSystem.h"
#include <csignal>

using namespace llvm;

namespace {

/// Runs `write` on `os` and returns its error, or the stream's.
Error writeChecked(raw_ostream &os, raw_fd_ostream *file, function_ref<Error(raw_ostream &)> write) {
  Error error = write(os);
  os.flush();
  if (!file || !file->has_error())
    return error;
  std::error_code code = file->error();
  file->clear_error();
  consumeError(std::move(error));
  return errorCodeToError(code);
}

/// A device or a pipe: there is nothing to rename over.
Error writeInPlace(StringRef path, function_ref<Error(raw_ostream &)> write) {
  std::error_code code;
  raw_fd_ostream os(path, code);
  if (code)
    return errorCodeToError(code);
  return writeChecked(os, &os, write);
}

} // namespace

Error vitya::writeOutput(StringRef path, std::function<Error(raw_ostream &)> write) {
  // A closed pipe is an error of the write, not the end of the process.
  auto *previous = std::signal(SIGPIPE, SIG_IGN);
  sys::fs::file_status status;
  bool special = path != "-" && !sys::fs::status(path, status) && sys::fs::is_other(status);
  Error error = special ? writeInPlace(path, write) : writeToOutput(path, [&](raw_ostream &os) {
    return writeChecked(os, static_cast<raw_fd_ostream *>(&os), write);
  });
  std::signal(SIGPIPE, previous);
  auto unwritable = [&](const Twine &found) {
    return createStringError("expected a file that can be written at '" + path + "', found: " + found);
  };
  // What `write` itself has to say passes as it is.
  return handleErrors(
      std::move(error), [&](const FileError &failure) { return unwritable(failure.messageWithoutFileInfo()); },
      [&](const ECError &failure) { return unwritable(failure.message()); });
}
