// Reading and writing of models, shared by all tools: checkpoints are imported, IR of any phase is parsed.
#ifndef VITYA_TOOLS_LIB_MODELINPUT_H
#define VITYA_TOOLS_LIB_MODELINPUT_H

#include "frontend/import/Import.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "passes/pipelines/Pipelines.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <functional>

namespace vitya {

/// Registers all dialects that IR of any phase may contain.
void registerAllModelDialects(mlir::DialectRegistry &registry);

/// Makes `context` print each diagnostic on one line, "TOOL: error: FILE:LINE:COLUMN: message", followed by its notes.
void printDiagnosticsAs(mlir::MLIRContext &context, llvm::StringRef tool);

/// Creates a context with the dialects of `registry` that prints errors as printDiagnosticsAs() does, and drops remarks
/// and warnings: for further loads of a model whose first load has emitted them.
std::unique_ptr<mlir::MLIRContext> makeErrorContext(const mlir::DialectRegistry &registry, llvm::StringRef tool);

/// A file of a model. Standard input and pipes can be read only once, so tools read the file once.
struct ModelFile {
  std::string path;                           ///< "-" is standard input
  std::unique_ptr<llvm::MemoryBuffer> buffer; ///< the contents, for a folder those of its file of weights or index
  /// config.json and preprocessor_config.json of a folder that has them; else null.
  std::unique_ptr<llvm::MemoryBuffer> config = nullptr, preprocessor = nullptr;

  /// Reads the file, or the files of a folder as it is on the Hugging Face hub. A pipe is read to its end into memory.
  static llvm::Expected<ModelFile> read(llvm::StringRef path);

  /// Whether this is IR: MLIR bytecode, a file named *.mlir, or text from standard input or a pipe. Otherwise it is a
  /// checkpoint.
  bool isIR() const;
  /// The files as a source for the importer, which this outlives.
  ModelSource source() const;
};

/// The name of a model in the file `path` that has no other name: the file name without its extension, the name of a
/// folder, or "model" for standard input and pipes.
std::string defaultModelName(llvm::StringRef path);

/// Loads the model in `file`, which outlives the result. Fails if it is IR and `options` say how to read a checkpoint.
/// The parser and the verifier report errors through the diagnostics of `context`; the result then is a ReportedError.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>> loadModel(mlir::MLIRContext &context, const ModelFile &file,
                                                            const ImportOptions &options);

/// Parses the IR in `buffer`, which outlives the result. Errors are reported as by loadModel().
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>> parseModule(mlir::MLIRContext &context,
                                                              const llvm::MemoryBuffer &buffer);

/// Loads one model into a context, as often as it is called: passes change a module in place.
using ModelLoader = std::function<llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>(mlir::MLIRContext &)>;

/// The phase that `module` has reached, from its attribute `vitya.phase`; `import` if it has none. Both models of a
/// cascade have reached the same phase, which is at least `compress`.
llvm::Expected<Phase> phaseOf(mlir::ModuleOp module);

/// The producer in the header of the bytecode that `writeModule` writes.
inline constexpr llvm::StringLiteral kBytecodeProducer = "vitya";

/// Writes `module` to `path` ("-" is standard output), completely or not at all: as bytecode if the name ends in
/// .mlirbc, otherwise as text.
llvm::Error writeModule(mlir::ModuleOp module, llvm::StringRef path);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_MODELINPUT_H
