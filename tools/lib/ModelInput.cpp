// Loads a model from a checkpoint or from IR, and writes IR.
#include "tools/lib/ModelInput.h"
#include "dialect/VityaDialect.h"
#include "dialect/support/Errors.h"
#include "dialect/support/WriteOutput.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

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

llvm::Expected<OwningOpRef<ModuleOp>> loadModel(MLIRContext &context, StringRef path, const ImportOptions &options) {
  auto unreadable = [&](const Twine &found) {
    return makeError("expected a file that can be read at '{0}', found: {1}", path, found.str());
  };
  if (llvm::sys::fs::is_directory(path))
    return unreadable("a folder");
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> file =
      llvm::MemoryBuffer::getFileOrSTDIN(path, /*IsText=*/false, /*RequiresNullTerminator=*/true,
                                         llvm::Align(64)); // required by bytecode
  if (!file)
    return unreadable(file.getError().message());
  protectInput(path);
  if (path != "-" && !path.ends_with(".mlir") && !isBytecode(**file))
    return importModel(context, path, options);
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(std::move(*file), llvm::SMLoc());
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  if (!module)
    return reportedError();
  return module;
}

llvm::Expected<Phase> phaseOf(ModuleOp module) {
  auto name = getDiscardable<VityaDialect::PhaseAttrHelper>(module);
  if (!name)
    return Phase::import;
  if (std::optional<Phase> phase = symbolizePhase(name.getValue()))
    return *phase;
  return makeError("expected '{0}' to name a phase, found '{1}'", VityaDialect::PhaseAttrHelper::getNameStr(),
                   name.getValue());
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
