// Standard output and standard error of a program go to temporary files.
#include "tools/lib/report/Programs.h"
#include "dialect/support/Errors.h"
#include "tools/lib/ChildProcess.h"
#include "llvm/Support/Path.h"
#include <chrono>

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
