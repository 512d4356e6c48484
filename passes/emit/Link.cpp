// Finds the linker and the C library, and runs the one on the other.
#include "passes/emit/Link.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;

namespace {

/// The folder with the C library's static part: Debian's multiarch folder first, then the usual ones.
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

} // namespace

Error vitya::linkExecutable(StringRef object, StringRef runtime, StringRef executable) {
  Expected<std::string> linker = findLinker();
  if (!linker)
    return linker.takeError();
  Expected<std::string> folder = findLibraryFolder();
  if (!folder)
    return folder.takeError();
  std::string runtimeFiles[] = {(runtime + "/runtime.o").str(), (runtime + "/libgcc.a").str(),
                                (runtime + "/libgcc_eh.a").str()};
  for (const std::string &file : runtimeFiles)
    if (!sys::fs::exists(file))
      return createStringError("expected the runtime for executables at '" + file + "', found none");
  std::string crt1 = *folder + "/crt1.o", crti = *folder + "/crti.o", crtn = *folder + "/crtn.o",
              libc = *folder + "/libc.a", libm = *folder + "/libm.a";
  StringRef arguments[] = {*linker,
                           "-static",
                           "--gc-sections",
                           "--build-id=none",
                           "-z",
                           "noexecstack",
                           "-o",
                           executable,
                           crt1,
                           crti,
                           object,
                           runtimeFiles[0],
                           "--start-group",
                           libc,
                           libm,
                           runtimeFiles[1],
                           runtimeFiles[2],
                           "--end-group",
                           crtn};
  SmallString<128> log;
  if (std::error_code error = sys::fs::createTemporaryFile("vitya-link", "log", log))
    return createStringError("expected a temporary folder that can be written: " + error.message());
  std::optional<StringRef> redirects[] = {StringRef(), StringRef(log), StringRef(log)};
  std::string message;
  int status = sys::ExecuteAndWait(*linker, arguments, std::nullopt, redirects, 0, 0, &message);
  if (status != 0)
    if (ErrorOr<std::unique_ptr<MemoryBuffer>> output = MemoryBuffer::getFile(log))
      message += (*output)->getBuffer().take_until([](char c) { return c == '\n'; });
  sys::fs::remove(log);
  if (status != 0)
    return createStringError("expected " + *linker + " to link '" + executable + "', found: " + message);
  return Error::success();
}
