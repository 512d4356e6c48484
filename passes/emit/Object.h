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

/// A model or a cascade as it was lowered for one processor: a module at the end of phase `llvm`.
struct Level {
  mlir::ModuleOp module;
  const Target &target;
};

/// Writes the levels of one model, from the lowest on, as assembly, without the bytes of the weights.
llvm::Error emitAssembly(llvm::ArrayRef<Level> levels, const EmitOptions &options, llvm::raw_ostream &os);

/// Writes the levels of one model, from the lowest on, as one relocatable object that defines `vitya_levels`
/// (runtime/Abi.h). The object contains the weights unless they are in a separate file. Levels whose packed weights are
/// equal share them.
llvm::Error emitObject(llvm::ArrayRef<Level> levels, const EmitOptions &options, llvm::raw_ostream &os);

/// Writes the weights of the levels in the format of a weights file (runtime/model/Weights.h).
llvm::Error emitWeights(llvm::ArrayRef<Level> levels, llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_PASSES_EMIT_OBJECT_H
