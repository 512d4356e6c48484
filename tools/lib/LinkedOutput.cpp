// The object travels in a temporary file.
#include "tools/lib/LinkedOutput.h"
#include "dialect/VityaDialect.h"
#include "dialect/support/Errors.h"
#include "dialect/support/ProgramFolder.h"
#include "dialect/support/WriteOutput.h"
#include "passes/emit/Link.h"
#include "tools/lib/DefaultOutput.h"
#include "tools/lib/TemporaryFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"

using namespace mlir;

namespace vitya {
namespace {

/// The folder of the runtime, which build and install trees have beside this program.
std::string runtimeFolder() {
  llvm::SmallString<128> path(programFolder() + "/../lib/vitya");
  llvm::sys::path::remove_dots(path, /*remove_dot_dot=*/true);
  return std::string(path);
}

/// Returns the header that belongs beside the library `path`.
llvm::SmallString<128> headerOf(StringRef path) {
  llvm::SmallString<128> header(path);
  llvm::sys::path::replace_extension(header, "h");
  return header;
}

/// Fails if files of other programs have the names of files that belong beside `path`.
llvm::Error checkCompanions(const EmitOptions &options, bool isLibrary, StringRef path) {
  if (!options.weightsFile.empty())
    if (llvm::Error error = checkDerivedOutput((path + ".weights").str()))
      return error;
  return isLibrary ? checkDerivedOutput(headerOf(path)) : llvm::Error::success();
}

/// Writes the files that belong beside `path`: the weights unless they are embedded, and the header of a library.
llvm::Error writeCompanions(ArrayRef<Level> levels, const EmitOptions &options, bool isLibrary, StringRef path) {
  if (!options.weightsFile.empty())
    if (llvm::Error error =
            writeOutput(path.str() + ".weights", [&](llvm::raw_ostream &os) { return emitWeights(levels, os); }))
      return error;
  if (!isLibrary)
    return llvm::Error::success();
  std::string header = runtimeFolder() + "/vitya.h";
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> text = llvm::MemoryBuffer::getFile(header);
  if (!text)
    return makeError("expected a part of the runtime at '" + header + "', found none");
  return writeOutput(headerOf(path), [&](llvm::raw_ostream &os) {
    os << (*text)->getBuffer();
    return llvm::Error::success();
  });
}

/// Whether `module`, or a model of the cascade that it is, multiplies bf16.
bool multipliesBf16(ModuleOp module) {
  return module
      ->walk([](ModuleOp model) {
        return getDiscardable<VityaDialect::Bf16MultiplyAddsAttrHelper>(model) ? WalkResult::interrupt()
                                                                               : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Remarks on processors for which bf16 saves memory, but no time.
void remarkOnBf16(ArrayRef<Level> levels) {
  for (const auto &[module, target] : levels)
    if (ModuleOp model = module; !target.info().dotBf16 && multipliesBf16(model))
      emitRemark(UnknownLoc::get(model.getContext()))
          << "bf16 is not faster than f32 on " << target.cpu() << ", which has no dot product of bf16";
}

} // namespace

llvm::Error emitLinked(ArrayRef<Level> levels, const EmitOptions &options, bool isLibrary, StringRef path,
                       StepTimer &timer) {
  if (llvm::Error error = checkCompanions(options, isLibrary, path))
    return error;
  remarkOnBf16(levels);
  llvm::Expected<std::unique_ptr<TemporaryFile>> file = TemporaryFile::create("o");
  if (!file)
    return file.takeError();
  StringRef object = (*file)->path();
  if (llvm::Error error = writeOutput(object, [&](llvm::raw_ostream &os) { return emitObject(levels, options, os); }))
    return error;
  timer.finish("obj");
  if (llvm::Error error = writeOutput(path, [&](llvm::raw_ostream &os) {
        return (isLibrary ? linkLibrary : linkExecutable)(object, runtimeFolder(), levels.front().target.triple(), os);
      }))
    return error;
  if (!replacedFile(path)) // standard output or a device
    return writeCompanions(levels, options, isLibrary, path);
  llvm::FileRemover partial(path);
  auto executable = static_cast<llvm::sys::fs::perms>(llvm::sys::fs::all_all & ~llvm::sys::fs::getUmask());
  if (std::error_code error = llvm::sys::fs::setPermissions(path, executable))
    return makeError("expected a file that can be made executable at '" + path + "', found: " + error.message());
  if (llvm::Error error = writeCompanions(levels, options, isLibrary, path))
    return error;
  partial.releaseFile();
  return llvm::Error::success();
}

} // namespace vitya
