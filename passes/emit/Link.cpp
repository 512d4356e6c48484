// Finds the linker and the C library, and runs the one on the other.
#include "passes/emit/Link.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;

namespace {

/// The folder with the C library's files for linking: Debian's multiarch folder first, then the usual ones.
Expected<std::string> findLibraryFolder() {
  std::string arch = Triple(sys::getDefaultTargetTriple()).getArchName().str();
  std::vector<std::string> folders{"/usr/lib/" + arch + "-linux-gnu", "/usr/lib64", "/usr/lib"};
  for (const std::string &folder : folders)
    if (sys::fs::exists(folder + "/libc.a") && sys::fs::exists(folder + "/crt1.o"))
      return folder;
  return createStringError("expected libc.a and crt1.o in one of " + join(folders, ", ") +
                           ", found none: install the C library's development files (libc6-dev)");
}

Expected<std::string> findLinker() {
  for (StringRef name : {"ld.lld-22", "ld.lld"})
    if (ErrorOr<std::string> path = sys::findProgramByName(name))
      return *path;
  return createStringError("expected ld.lld-22 or ld.lld on the PATH, found none: install lld-22");
}

/// Runs the linker. `options` and `libraries` may start with "R/" for a file of folder `runtime` and "C/" for one of
/// the C library.
Error link(StringRef object, StringRef runtime, StringRef output, ArrayRef<StringRef> options,
           ArrayRef<StringRef> libraries) {
  Expected<std::string> linker = findLinker();
  if (!linker)
    return linker.takeError();
  Expected<std::string> folder = findLibraryFolder();
  if (!folder)
    return folder.takeError();
  std::vector<std::string> arguments{*linker, "--gc-sections", "--build-id=none", "-z", "noexecstack",
                                     "-o",    output.str()};
  auto append = [&](StringRef argument) -> Error {
    if (argument.consume_front("C/")) {
      arguments.push_back(*folder + "/" + argument.str());
      return Error::success();
    }
    if (!argument.consume_front("R/")) {
      arguments.push_back(argument.str());
      return Error::success();
    }
    arguments.push_back((runtime + "/" + argument).str());
    if (sys::fs::exists(arguments.back()))
      return Error::success();
    return createStringError("expected a part of the runtime at '" + arguments.back() + "', found none");
  };
  for (StringRef option : options)
    if (Error error = append(option))
      return error;
  arguments.push_back(object.str());
  for (StringRef library : libraries)
    if (Error error = append(library))
      return error;

  SmallString<128> log;
  if (std::error_code error = sys::fs::createTemporaryFile("vitya-link", "log", log))
    return createStringError("expected a temporary folder that can be written: " + error.message());
  FileRemover remover(log);
  std::optional<StringRef> redirects[] = {StringRef(), StringRef(log), StringRef(log)};
  std::string message;
  std::vector<StringRef> references(arguments.begin(), arguments.end());
  if (sys::ExecuteAndWait(*linker, references, std::nullopt, redirects, 0, 0, &message) == 0)
    return Error::success();
  if (ErrorOr<std::unique_ptr<MemoryBuffer>> text = MemoryBuffer::getFile(log))
    message += (*text)->getBuffer().take_until([](char c) { return c == '\n'; });
  return createStringError("expected " + *linker + " to link '" + output + "', found: " + message);
}

} // namespace

Error vitya::linkExecutable(StringRef object, StringRef runtime, StringRef output) {
  return link(object, runtime, output, {"-static", "C/crt1.o", "C/crti.o"},
              {"R/executable.o", "--start-group", "C/libc.a", "C/libm.a", "R/libgcc.a", "R/libgcc_eh.a", "--end-group",
               "C/crtn.o"});
}

Error vitya::linkLibrary(StringRef object, StringRef runtime, StringRef output) {
  return link(object, runtime, output, {"-shared", "-Bsymbolic", "--version-script", "R/vitya.map", "C/crti.o"},
              {"R/library.o", "C/libc.so", "C/libm.so", "R/libgcc.a", "C/crtn.o"});
}
