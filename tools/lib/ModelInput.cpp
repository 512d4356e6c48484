// Loads a model from a checkpoint or from IR, and writes IR.
#include "tools/lib/ModelInput.h"
#include "dialect/VityaDialect.h"
#include "dialect/support/Errors.h"
#include "dialect/support/WriteOutput.h"
#include "frontend/checkpoint/Checkpoint.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include <sys/mman.h>

using namespace mlir;

namespace vitya {

void registerAllModelDialects(DialectRegistry &registry) {
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registry.insert<VityaDialect>();
}

static void printDiagnostic(Diagnostic &diagnostic, StringRef tool) {
  StringRef severity = diagnostic.getSeverity() == DiagnosticSeverity::Error     ? "error"
                       : diagnostic.getSeverity() == DiagnosticSeverity::Warning ? "warning"
                       : diagnostic.getSeverity() == DiagnosticSeverity::Remark  ? "remark"
                                                                                 : "note";
  llvm::errs() << tool << ": " << severity << ": ";
  Location location = diagnostic.getLocation();
  if (auto file = location->findInstanceOf<FileLineColLoc>())
    llvm::errs() << file.getFilename().getValue() << ':' << file.getLine() << ':' << file.getColumn() << ": ";
  else if (auto name = location->findInstanceOf<NameLoc>())
    llvm::errs() << name.getName().getValue() << ": ";
  llvm::errs() << diagnostic.str() << '\n';
  for (Diagnostic &note : diagnostic.getNotes())
    printDiagnostic(note, tool);
}

void printDiagnosticsAs(MLIRContext &context, StringRef tool) {
  context.printOpOnDiagnostic(false);
  context.getDiagEngine().registerHandler(
      [name = tool.str()](Diagnostic &diagnostic) { printDiagnostic(diagnostic, name); });
}

/// Whether `path` is standard input, a pipe or a device.
static bool isStream(StringRef path) { return path == "-" || !llvm::sys::fs::is_regular_file(path); }

std::unique_ptr<MLIRContext> makeErrorContext(const DialectRegistry &registry, StringRef tool) {
  auto context = std::make_unique<MLIRContext>(registry);
  printDiagnosticsAs(*context, tool);
  // The handler registered last is called first.
  context->getDiagEngine().registerHandler(
      [](Diagnostic &diagnostic) { return success(diagnostic.getSeverity() != DiagnosticSeverity::Error); });
  return context;
}

/// The files of weights in a folder, in the order in which Hugging Face's libraries look for them.
static constexpr llvm::StringLiteral kWeightsNames[] = {"model.safetensors", "model.safetensors.index.json",
                                                        "pytorch_model.bin", "pytorch_model.bin.index.json"};

static std::string pathIn(StringRef folder, StringRef name) {
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, name);
  return std::string(path);
}

/// Reads the files of a folder.
static llvm::Expected<ModelFile> readFolder(StringRef folder) {
  const llvm::StringLiteral *weights =
      llvm::find_if(kWeightsNames, [&](StringRef name) { return llvm::sys::fs::exists(pathIn(folder, name)); });
  if (weights == std::end(kWeightsNames))
    return makeError("expected one of the files '{0}' in the folder '{1}', found none",
                     llvm::join(ArrayRef(kWeightsNames), "', '"), folder);
  llvm::Expected<ModelFile> result = ModelFile::read(pathIn(folder, *weights));
  if (!result)
    return result;
  result->path = folder.str();
  for (auto [name, buffer] :
       {std::pair("config.json", &result->config), std::pair("preprocessor_config.json", &result->preprocessor)}) {
    std::string path = pathIn(folder, name);
    if (!llvm::sys::fs::exists(path))
      continue;
    llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> file = readInput(path);
    if (!file)
      return makeError("expected a file that can be read at '{0}', found: {1}", path, file.getError().message());
    *buffer = std::move(*file);
  }
  return result;
}

llvm::Expected<ModelFile> ModelFile::read(StringRef path) {
  const llvm::Align bytecodeAlignment(64);
  auto unreadable = [&](const Twine &found) {
    return makeError("expected a file that can be read at '{0}', found: {1}", path, found.str());
  };
  if (llvm::sys::fs::is_directory(path))
    return readFolder(path);
  // The parser of text needs a null byte after it. Other files are mapped without one, and streams always have one.
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> file =
      readInput(path, /*isText=*/path.ends_with(".mlir"), bytecodeAlignment);
  if (!file)
    return unreadable(file.getError().message());
  std::unique_ptr<llvm::MemoryBuffer> buffer = std::move(*file);
  if (!llvm::isAddrAligned(bytecodeAlignment, buffer->getBufferStart())) {
    auto aligned = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(buffer->getBufferSize(),
                                                                     buffer->getBufferIdentifier(), bytecodeAlignment);
    llvm::copy(buffer->getBuffer(), aligned->getBufferStart());
    buffer = std::move(aligned);
  }
  return ModelFile{path.str(), std::move(buffer)};
}

ModelSource ModelFile::source() const {
  ModelSource result = {*buffer};
  if (config)
    result.config = *config;
  if (preprocessor)
    result.preprocessor = *preprocessor;
  return result;
}

std::string defaultModelName(StringRef path) {
  if (llvm::sys::fs::is_directory(path)) {
    llvm::SmallString<128> real;
    (void)llvm::sys::fs::real_path(path, real);
    return llvm::sys::path::filename(real).str();
  }
  return isStream(path) ? "model" : llvm::sys::path::stem(path).str();
}

/// Lets the system take back the memory of a mapped file, which is read again if it is needed. MemoryBuffer's own
/// dontNeedIfMmap() calls posix_madvise, which does nothing in glibc.
static void dropPages(const llvm::MemoryBuffer &buffer) {
  if (buffer.getBufferKind() == llvm::MemoryBuffer::MemoryBuffer_MMap)
    (void)madvise(const_cast<char *>(buffer.getBufferStart()), buffer.getBufferSize(), MADV_DONTNEED);
}

bool ModelFile::isIR() const {
  if (isBytecode(*buffer))
    return true;
  if (llvm::sys::fs::is_directory(path))
    return false;
  return StringRef(path).ends_with(".mlir") || (isStream(path) && !looksLikeCheckpoint(buffer->getBuffer()));
}

llvm::Expected<OwningOpRef<ModuleOp>> loadModel(MLIRContext &context, const ModelFile &file,
                                                const ImportOptions &options) {
  if (!file.isIR()) {
    auto module = importModel(context, file.source(), defaultModelName(file.path), options);
    dropPages(*file.buffer); // the module has its own copy of the weights
    return module;
  }
  if (StringRef option = options.given(); !option.empty())
    return makeError("expected a checkpoint with --{0}, found IR in '{1}'", option, file.path);
  return parseModule(context, *file.buffer);
}

llvm::Expected<OwningOpRef<ModuleOp>> parseModule(MLIRContext &context, const llvm::MemoryBuffer &buffer) {
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBuffer(buffer.getMemBufferRef(), /*RequiresNullTerminator=*/false), llvm::SMLoc());
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  if (!module)
    return reportedError();
  return module;
}

/// The phase of a single model.
static llvm::Expected<Phase> phaseOfModel(ModuleOp module) {
  auto name = getDiscardable<VityaDialect::PhaseAttrHelper>(module);
  if (!name)
    return Phase::import;
  if (std::optional<Phase> phase = symbolizePhase(name.getValue()))
    return *phase;
  return makeError("expected '{0}' to name a phase, found '{1}'", VityaDialect::PhaseAttrHelper::getNameStr(),
                   name.getValue());
}

llvm::Expected<Phase> phaseOf(ModuleOp module) {
  SmallVector<ModuleOp, 2> models = modelsOf(module);
  llvm::Expected<Phase> phase = phaseOfModel(models.front());
  if (!phase || models.size() == 1)
    return phase;
  llvm::Expected<Phase> dense = phaseOfModel(models.back());
  if (!dense)
    return dense;
  if (*phase == *dense && *phase >= Phase::compress)
    return *phase;
  return makeError("expected the models of a cascade at the same phase from compress on, found {0} and {1}",
                   stringifyPhase(*phase), stringifyPhase(*dense));
}

llvm::Error writeModule(ModuleOp module, StringRef path) {
  return writeOutput(path, [&](llvm::raw_ostream &os) -> llvm::Error {
    if (!path.ends_with(".mlirbc")) {
      module.print(os);
      return llvm::Error::success();
    }
    if (failed(writeBytecodeToFile(module, os, BytecodeWriterConfig(kBytecodeProducer))))
      return makeError("expected a module that can be written as bytecode, found one that cannot");
    return llvm::Error::success();
  });
}

} // namespace vitya
