// From the LLVM dialect to machine code, in process.
#ifndef VITYA_PASSES_EMIT_OBJECT_H
#define VITYA_PASSES_EMIT_OBJECT_H

#include "mlir/IR/BuiltinOps.h"
#include "passes/emit/Target.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya {

/// What else a model's code says about itself and where its weights are.
struct EmitOptions {
  std::string commandLine; ///< the compiler's options that shaped the code, for `info`
  std::string weightsFile; ///< name of the file that holds the weights; empty: the object holds them
};

/// Writes `module`, which is at the end of phase `llvm`, as assembly (without the bytes of the weights).
llvm::Error emitAssembly(mlir::ModuleOp module, const Target &target, const EmitOptions &options,
                         llvm::raw_ostream &os);

/// Writes it as a relocatable object that defines `vitya_model_descriptor` (runtime/Abi.h) and holds the weights,
/// unless they are in a file of their own.
llvm::Error emitObject(mlir::ModuleOp module, const Target &target, const EmitOptions &options, llvm::raw_ostream &os);

/// Writes the weights of `module` as the file that `EmitOptions::weightsFile` names (runtime/model/Weights.h).
llvm::Error emitWeights(mlir::ModuleOp module, llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_PASSES_EMIT_OBJECT_H
