// Finds the linker and the C library, and runs the linker.
#include "passes/emit/Link.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <sys/mman.h>
#include <unistd.h>

using namespace llvm;

namespace {

/// Whether this machine runs code for `triple`, apart from extensions of the processor.
bool isHost(const Triple &triple) { return triple.getArch() == Triple(sys::getDefaultTargetTriple()).getArch(); }

/// The folder with the C library's files for linking. Debian's multiarch folder is tried first.
Expected<std::string> findLibraryFolder(const Triple &triple) {
  std::string system = triple.getArchName().str() + "-linux-gnu";
  std::vector<std::string> folders{"/usr/lib/" + system};
  if (isHost(triple))
    folders.insert(folders.end(), {"/usr/lib64", "/usr/lib"});
  else
    folders.push_back("/usr/" + system + "/lib"); // Debian's cross packages
  for (const std::string &folder : folders)
    if (sys::fs::exists(folder + "/libc.a") && sys::fs::exists(folder + "/crt1.o"))
      return folder;
  return vitya::makeError("expected libc.a and crt1.o in one of " + join(folders, ", ") +
                          ", found none: install the C library's development files (" +
                          (isHost(triple) ? "libc6-dev" : "libc6-dev-arm64-cross") + ")");
}

/// The folder of the runtime for `triple`.
Expected<std::string> findRuntime(StringRef runtime, const Triple &triple) {
  if (isHost(triple))
    return runtime.str();
  std::string folder = (runtime + "/" + triple.getArchName() + "-linux-gnu").str();
  if (sys::fs::exists(folder))
    return folder;
  return vitya::makeError("expected the runtime for " + triple.getArchName() + "-linux-gnu at '" + folder +
                          "', found none: install its packages with tools/ci/install-cross, and build again");
}

Expected<std::string> findLinker() {
  for (StringRef name : {"ld.lld-22", "ld.lld"})
    if (ErrorOr<std::string> path = sys::findProgramByName(name))
      return *path;
  return vitya::makeError("expected ld.lld-22 or ld.lld on the PATH, found none: install lld-22");
}

/// An anonymous file in memory, which other processes can open at `path` during its lifetime.
class MemoryFile {
public:
  MemoryFile() : descriptor(memfd_create("linked", MFD_CLOEXEC)) {}
  ~MemoryFile() {
    if (descriptor >= 0)
      close(descriptor);
  }
  MemoryFile(const MemoryFile &) = delete;
  MemoryFile &operator=(const MemoryFile &) = delete;

  std::string path() const { return formatv("/proc/{0}/fd/{1}", getpid(), descriptor); }
  ErrorOr<std::unique_ptr<MemoryBuffer>> read() const {
    return MemoryBuffer::getOpenFile(descriptor, "linked", /*FileSize=*/-1, /*RequiresNullTerminator=*/false);
  }

private:
  int descriptor;
};

/// Runs the linker. In `options` and `libraries`, the prefix "R/" stands for the folder of the runtime, and "C/" for
/// that of the C library. The linker writes to memory, because a full disk would kill it with a signal, or go
/// unnoticed.
Error link(StringRef object, StringRef runtimes, const Triple &triple, raw_ostream &os, ArrayRef<StringRef> options,
           ArrayRef<StringRef> libraries) {
  Expected<std::string> linker = findLinker();
  if (!linker)
    return linker.takeError();
  Expected<std::string> runtime = findRuntime(runtimes, triple);
  if (!runtime)
    return runtime.takeError();
  Expected<std::string> folder = findLibraryFolder(triple);
  if (!folder)
    return folder.takeError();
  std::vector<std::string> arguments{*linker, "--gc-sections", "--build-id=none", "-z", "noexecstack", "-o", "-"};
  auto append = [&](StringRef argument) -> Error {
    if (argument.consume_front("C/")) {
      arguments.push_back(*folder + "/" + argument.str());
      return Error::success();
    }
    if (!argument.consume_front("R/")) {
      arguments.push_back(argument.str());
      return Error::success();
    }
    arguments.push_back(*runtime + "/" + argument.str());
    if (sys::fs::exists(arguments.back()))
      return Error::success();
    return vitya::makeError("expected a part of the runtime at '" + arguments.back() + "', found none");
  };
  for (StringRef option : options)
    if (Error error = append(option))
      return error;
  arguments.push_back(object.str());
  for (StringRef library : libraries)
    if (Error error = append(library))
      return error;

  MemoryFile linked, log;
  std::string linkedPath = linked.path(), logPath = log.path(), message;
  std::optional<StringRef> redirects[] = {StringRef(), StringRef(linkedPath), StringRef(logPath)};
  std::vector<StringRef> references(arguments.begin(), arguments.end());
  int status = sys::ExecuteAndWait(*linker, references, std::nullopt, redirects, 0, 0, &message);
  ErrorOr<std::unique_ptr<MemoryBuffer>> bytes = (status == 0 ? linked : log).read();
  if (!bytes)
    return vitya::makeError("expected memory for the output of " + *linker + ", found: " + bytes.getError().message());
  if (status == 0) {
    os << (*bytes)->getBuffer();
    return Error::success();
  }
  // A linker that was ended by a signal has printed a stack trace; `message` names the signal.
  if (message.empty())
    message = (*bytes)->getBuffer().take_until([](char c) { return c == '\n'; });
  return vitya::makeError("expected " + *linker + " to link, found: " + message);
}

} // namespace

Error vitya::linkExecutable(StringRef object, StringRef runtime, const Triple &triple, raw_ostream &os) {
  return link(object, runtime, triple, os, {"-static", "C/crt1.o", "C/crti.o"},
              {"R/executable.o", "R/libjpeg.a", "R/libpng16.a", "R/libz.a", "--start-group", "C/libc.a", "C/libm.a",
               "R/libgcc.a", "R/libgcc_eh.a", "--end-group", "C/crtn.o"});
}

Error vitya::linkLibrary(StringRef object, StringRef runtime, const Triple &triple, raw_ostream &os) {
  return link(object, runtime, triple, os, {"-shared", "-Bsymbolic", "--version-script", "R/vitya.map", "C/crti.o"},
              {"R/library.o", "C/libc.so", "C/libm.so", "R/libgcc.a", "C/crtn.o"});
}
