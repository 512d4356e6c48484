// Standard output and standard error of a program go to temporary files.
#include "tools/lib/report/Programs.h"
#include "dialect/support/Errors.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Signals.h"
#include <atomic>
#include <chrono>
#include <csignal>

using namespace llvm;

namespace vitya::report {

namespace {

/// The lines of standard error without the names with which programs begin them.
std::vector<std::string> linesOf(StringRef text, StringRef program) {
  SmallVector<StringRef> lines;
  text.split(lines, '\n', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  std::vector<std::string> result;
  for (StringRef line : lines) {
    if (line.consume_front(program))
      line.consume_front(": ");
    result.push_back(escapeControls(line));
  }
  return result;
}

/// The line among `lines` that says why a program failed with exit code `status`.
std::string reasonOf(ArrayRef<std::string> lines, StringRef program, int status) {
  for (StringRef line : lines)
    if (!line.starts_with("remark: ") && !line.starts_with("warning: ")) {
      line.consume_front("error: ");
      return line.str();
    }
  return formatv("expected '{0}' to succeed, found exit code {1}", program, status);
}

/// The program that this one waits for, or 0.
std::atomic<sys::procid_t> running = 0;

/// Ends the running program, which would else write files that nobody removes, and this one.
void endBoth() {
  if (sys::procid_t program = running)
    kill(program, SIGTERM);
  (void)std::raise(SIGTERM);
}

/// Like sys::ExecuteAndWait, but a signal that ends this program ends the other one too.
int executeAndWait(StringRef path, ArrayRef<StringRef> command, ArrayRef<std::optional<StringRef>> redirects,
                   std::string &message) {
  sys::SetInterruptFunction(endBoth);
  sys::ProcessInfo process =
      sys::ExecuteNoWait(path, command, /*Env=*/std::nullopt, redirects, /*MemoryLimit=*/0, &message);
  running = process.Pid;
  int status = process.Pid == sys::ProcessInfo::InvalidPid
                   ? -1
                   : sys::Wait(process, /*SecondsToWait=*/std::nullopt, &message).ReturnCode;
  running = 0;
  sys::SetInterruptFunction(nullptr);
  return status;
}

} // namespace

Expected<ProgramOutput> runProgram(StringRef path, ArrayRef<std::string> arguments) {
  Expected<std::unique_ptr<TemporaryFile>> output = TemporaryFile::create("out"), errors = TemporaryFile::create("err");
  if (Error error = joinErrors(output.takeError(), errors.takeError()))
    return std::move(error);
  SmallVector<StringRef> command = {path};
  command.append(arguments.begin(), arguments.end());
  std::string message;
  auto start = std::chrono::steady_clock::now();
  int status = executeAndWait(path, command, {StringRef(""), (*output)->path(), (*errors)->path()}, message);
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  StringRef program = sys::path::filename(path);
  if (status < 0)
    return makeError("expected '{0}' to end, found: {1}", program, message);
  Expected<std::unique_ptr<MemoryBuffer>> printed = (*output)->read(), said = (*errors)->read();
  if (Error error = joinErrors(printed.takeError(), said.takeError()))
    return std::move(error);
  std::vector<std::string> lines = linesOf((*said)->getBuffer(), program);
  if (status != 0)
    return makeError("{0}", reasonOf(lines, program, status));
  return ProgramOutput{std::move(*printed), std::move(lines), seconds.count()};
}

} // namespace vitya::report
