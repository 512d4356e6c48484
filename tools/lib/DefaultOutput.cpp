// Recognises the outputs of vitya-compile by marks in their contents.
#include "tools/lib/DefaultOutput.h"
#include "dialect/support/Errors.h"
#include "frontend/checkpoint/CheckpointWriter.h"
#include "runtime/model/Weights.h"
#include "tools/lib/ModelInput.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;

namespace vitya {

/// Whether `bytes` are bytecode whose producer, a string after the magic number and the version, is ours.
static bool isOwnBytecode(StringRef bytes) {
  constexpr StringLiteral magic = "ML\xefR";
  return bytes.consume_front(magic) && bytes.drop_front(1).starts_with(kBytecodeProducer);
}

/// Whether `bytes` are the contents of a file that vitya-compile has written: bytecode with "vitya" as its producer, a
/// checkpoint with the entry of `writeCheckpoint`, an ONNX file, a file of weights, the header of libraries, or
/// assembly or machine code that contains the description of a model.
static bool isWrittenByVitya(StringRef bytes) {
  if (isOwnBytecode(bytes) || bytes.starts_with(kWeightsMagic) || bytes.starts_with("/* vitya.h: "))
    return true;
  // The first fields of an ONNX file: its version, and the name of its producer, of five bytes.
  if (bytes.starts_with("\x08\x0a\x12\x05vitya"))
    return true;
  if (bytes.starts_with("PK"))
    return bytes.rfind(kWriterEntry) != StringRef::npos;
  // A line of ModelInfo::text(). It is assembled here so that no tool contains it itself.
  bool isCode = bytes.starts_with("\x7f"
                                  "ELF") ||
                bytes.starts_with("\t.file");
  return isCode && bytes.contains(formatv("{0,-24}vitya ", "compiler").str());
}

Error checkDerivedOutput(StringRef path) {
  if (sys::fs::is_directory(path))
    return makeError("expected no folder at '{0}', the default output, found one: choose another output with -o", path);
  if (!sys::fs::is_regular_file(path))
    return Error::success();
  ErrorOr<std::unique_ptr<MemoryBuffer>> file =
      MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (file && isWrittenByVitya((*file)->getBuffer()))
    return Error::success();
  return makeError(
      "expected no file at '{0}', or one that vitya-compile has written, found another file: choose another "
      "output with -o",
      path);
}

} // namespace vitya
