// Translates modules of the LLVM dialect to machine code, in process.
#ifndef VITYA_PASSES_EMIT_OBJECT_H
#define VITYA_PASSES_EMIT_OBJECT_H

#include "mlir/IR/BuiltinOps.h"
#include "passes/emit/Target.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya {

struct EmitOptions {
  std::string commandLine; ///< the options that the model was compiled with, which `info` prints
  std::string weightsFile; ///< name of the file with the weights; if empty, the object contains them
};

/// Writes `module`, which is at the end of phase `llvm`, as assembly, without the bytes of the weights.
llvm::Error emitAssembly(mlir::ModuleOp module, const Target &target, const EmitOptions &options,
                         llvm::raw_ostream &os);

/// Writes `module` as a relocatable object that defines `vitya_model_descriptor` (runtime/Abi.h). The object contains
/// the weights unless they are in a separate file.
llvm::Error emitObject(mlir::ModuleOp module, const Target &target, const EmitOptions &options, llvm::raw_ostream &os);

/// Writes the weights of `module` in the format of a weights file (runtime/model/Weights.h).
llvm::Error emitWeights(mlir::ModuleOp module, llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_PASSES_EMIT_OBJECT_H
