// What every tool that takes a MODEL does with it: a checkpoint is imported, IR of any phase is parsed.
#ifndef VITYA_TOOLS_LIB_MODELINPUT_H
#define VITYA_TOOLS_LIB_MODELINPUT_H

#include "frontend/import/Import.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "passes/pipelines/Pipelines.h"
#include "llvm/Support/Error.h"

namespace vitya {

/// Everything that IR of any phase may hold.
void registerAllModelDialects(mlir::DialectRegistry &registry);

/// Makes `context` print each diagnostic as one line: "TOOL: error: FILE:LINE:COLUMN: message", notes below it.
void printDiagnosticsAs(mlir::MLIRContext &context, llvm::StringRef tool);

/// Reads `path` ("-" is standard input). MLIR bytecode, and files named *.mlir, are IR; anything else is a checkpoint.
/// Errors of the parser and the verifier go to the context's diagnostics, and the error returned then is a
/// ReportedError.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>> loadModel(mlir::MLIRContext &context, llvm::StringRef path,
                                                            const ImportOptions &options);

/// The phase `module` has reached: what its attribute `vitya.phase` says, `import` where there is none.
llvm::Expected<Phase> phaseOf(mlir::ModuleOp module);

/// Writes `module` to `path` ("-" is standard output) at once or not at all: as bytecode where the name ends in
/// .mlirbc, else as text.
llvm::Error writeModule(mlir::ModuleOp module, llvm::StringRef path);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_MODELINPUT_H
