// Extends llvm::writeToOutput in three ways: errors of the stream are returned, where its destructor would abort; links
// are followed and special files are written in place, where a rename would replace them; inputs are refused.
#include "dialect/support/WriteOutput.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <climits>
#include <csignal>
#include <map>
#include <mutex>
#include <set>
#include <unistd.h>

using namespace llvm;

namespace vitya {

using Write = function_ref<Error(raw_ostream &)>;

//===----------------------------------------------------------------------===//
// Destinations
//===----------------------------------------------------------------------===//

namespace {

/// The place that the bytes of an output go to.
struct Destination {
  std::string path;              ///< after all links
  std::optional<int> descriptor; ///< an open file of this process
  bool isInPlace = false;        ///< a device, a pipe or another special file
};

} // namespace

/// Returns the target of the symbolic link `path`, relative to the same folder as `path` itself.
static Expected<std::string> readLink(StringRef path) {
  char target[PATH_MAX];
  ssize_t size = ::readlink(path.str().c_str(), target, sizeof(target));
  if (size < 0)
    return errorCodeToError(std::error_code(errno, std::generic_category()));
  SmallString<128> result;
  if (target[0] != '/')
    result = sys::path::parent_path(path);
  sys::path::append(result, StringRef(target, size));
  return std::string(result);
}

/// Follows the links of `path`. The links in /proc/PID/fd stand for open descriptors, whose file may have no name.
static Expected<Destination> findDestination(StringRef path) {
  constexpr unsigned maxLinks = 40; // as in the kernel
  if (path == "-")
    return Destination{"-", STDOUT_FILENO};
  SmallString<64> ownDescriptors, folder;
  (void)sys::fs::real_path("/proc/self/fd", ownDescriptors);
  Destination result{path.str(), std::nullopt};
  for (unsigned links = 0; links <= maxLinks; ++links) {
    sys::fs::file_status status;
    if (sys::fs::status(result.path, status, /*follow=*/false) || status.type() != sys::fs::file_type::symlink_file) {
      result.isInPlace = sys::fs::is_other(status);
      return result;
    }
    StringRef parent = sys::path::parent_path(result.path);
    int descriptor = 0;
    if (!sys::fs::real_path(parent.empty() ? "." : parent, folder) && folder.starts_with("/proc/")) {
      if (folder == ownDescriptors && !sys::path::filename(result.path).getAsInteger(10, descriptor))
        result.descriptor = descriptor;
      result.isInPlace = true;
      return result;
    }
    Expected<std::string> target = readLink(result.path);
    if (!target)
      return target.takeError();
    result.path = std::move(*target);
  }
  return errorCodeToError(std::make_error_code(std::errc::too_many_symbolic_link_levels));
}

std::optional<std::string> replacedFile(StringRef path) {
  Expected<Destination> destination = findDestination(path);
  if (!destination) {
    consumeError(destination.takeError());
    return path.str();
  }
  return destination->descriptor || destination->isInPlace ? std::nullopt : std::optional(destination->path);
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

namespace {

/// The files that this process has read and written, by device and inode. Outputs have their real path too, because the
/// inode of a file that was removed may return as that of another file.
struct KnownFiles {
  std::mutex mutex;
  std::map<sys::fs::UniqueID, std::string> inputs;
  std::set<std::pair<sys::fs::UniqueID, std::string>> outputs;
};

} // namespace

static KnownFiles &knownFiles() {
  static KnownFiles files;
  return files;
}

/// Returns the identity of a regular file, or nothing if the destination is another kind of file or absent.
static std::optional<sys::fs::UniqueID> identify(const Destination &destination) {
  sys::fs::file_status status;
  std::error_code error = destination.descriptor ? sys::fs::status(*destination.descriptor, status)
                                                 : sys::fs::status(destination.path, status);
  if (error || status.type() != sys::fs::file_type::regular_file)
    return std::nullopt;
  return status.getUniqueID();
}

static std::string realPathOf(StringRef path) {
  SmallString<128> result;
  (void)sys::fs::real_path(path, result);
  return std::string(result);
}

void protectInput(StringRef path) {
  std::optional<sys::fs::UniqueID> file =
      identify(path == "-" ? Destination{"-", STDIN_FILENO} : Destination{path.str(), std::nullopt});
  KnownFiles &known = knownFiles();
  std::lock_guard lock(known.mutex);
  if (file && !known.outputs.count({*file, realPathOf(path)}))
    known.inputs[*file] = path.str();
}

ErrorOr<std::unique_ptr<MemoryBuffer>> readInput(StringRef path, bool isText, std::optional<Align> alignment) {
  auto file = MemoryBuffer::getFileOrSTDIN(path, /*IsText=*/false, /*RequiresNullTerminator=*/isText, alignment);
  if (file)
    protectInput(path);
  return file;
}

/// Fails if `destination`, which the user calls `path`, is an input.
static Error checkDestination(const Destination &destination, StringRef path) {
  std::optional<sys::fs::UniqueID> file = identify(destination);
  KnownFiles &known = knownFiles();
  std::lock_guard lock(known.mutex);
  auto input = file ? known.inputs.find(*file) : known.inputs.end();
  if (input == known.inputs.end())
    return Error::success();
  return makeError("expected an output that is not an input, found '{0}', which is the same file as the input '{1}'",
                   path, input->second);
}

Error checkOutput(StringRef path) {
  Expected<Destination> destination = findDestination(path);
  if (!destination) { // writeOutput reports why it cannot be written
    consumeError(destination.takeError());
    return Error::success();
  }
  return checkDestination(*destination, path);
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

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

/// Writes to an open file of this process, at its current position.
static Error writeToDescriptor(int descriptor, Write write) {
  raw_fd_ostream os(descriptor, /*shouldClose=*/false);
  return writeChecked(os, &os, write);
}

/// Writes to a temporary file that replaces `path` at the end, or to standard output. Fails if `write` has read the
/// file at `path`, which the user calls `name`.
static Error replaceFile(StringRef path, StringRef name, Write write) {
  Error error = writeToOutput(path, [&](raw_ostream &os) {
    Error failure = writeChecked(os, static_cast<raw_fd_ostream *>(&os), write);
    return failure || path == "-" ? std::move(failure) : checkDestination({path.str(), std::nullopt}, name);
  });
  if (error)
    return error;
  std::optional<sys::fs::UniqueID> file = identify({path.str(), std::nullopt});
  KnownFiles &known = knownFiles();
  std::lock_guard lock(known.mutex);
  if (path != "-" && file)
    known.outputs.emplace(*file, realPathOf(path));
  return Error::success();
}

static Error writeTo(const Destination &destination, StringRef name, Write write) {
  if (destination.descriptor && destination.path != "-")
    return writeToDescriptor(*destination.descriptor, write);
  return destination.isInPlace ? writeInPlace(destination.path, write) : replaceFile(destination.path, name, write);
}

namespace {

/// Ignores a signal during its lifetime, so that the write which raises it fails with an error instead.
class IgnoredSignal {
public:
  explicit IgnoredSignal(int number) : number(number), previous(std::signal(number, SIG_IGN)) {}
  ~IgnoredSignal() { std::signal(number, previous); }
  IgnoredSignal(const IgnoredSignal &) = delete;
  IgnoredSignal &operator=(const IgnoredSignal &) = delete;

private:
  int number;
  void (*previous)(int);
};

} // namespace

static Error unwritable(StringRef path, const std::string &found) {
  return makeError("expected a file that can be written at '{0}', found: {1}", path, found);
}

/// Returns why the file or the special file at `destination` cannot be written, as far as the file system knows.
static std::error_code checkAccess(const Destination &destination) {
  if (destination.descriptor)
    return {};
  if (destination.isInPlace)
    return sys::fs::access(destination.path, sys::fs::AccessMode::Write);
  if (sys::fs::is_directory(destination.path))
    return std::make_error_code(std::errc::is_a_directory);
  StringRef folder = sys::path::parent_path(destination.path);
  if (std::error_code code = sys::fs::access(folder.empty() ? "." : folder, sys::fs::AccessMode::Write))
    return code;
  bool isFolder = folder.empty() || sys::fs::is_directory(folder);
  return isFolder ? std::error_code() : std::make_error_code(std::errc::not_a_directory);
}

Error checkWritable(StringRef path) {
  Expected<Destination> destination = findDestination(path);
  if (!destination)
    return unwritable(path, toString(destination.takeError()));
  if (Error error = checkDestination(*destination, path))
    return error;
  if (std::error_code code = checkAccess(*destination))
    return unwritable(path, code.message());
  return Error::success();
}

Error writeOutput(StringRef path, Write write) {
  Expected<Destination> destination = findDestination(path);
  if (!destination)
    return unwritable(path, toString(destination.takeError()));
  if (Error error = checkDestination(*destination, path))
    return error;
  Error error = [&] {
    IgnoredSignal closedPipe(SIGPIPE), fileTooLarge(SIGXFSZ);
    return writeTo(*destination, path, write);
  }();
  return handleErrors(
      std::move(error), [&](const FileError &failure) { return unwritable(path, failure.messageWithoutFileInfo()); },
      [&](const ECError &failure) { return unwritable(path, failure.message()); });
}

} // namespace vitya
