// From the LLVM dialect to machine code, in process.
#ifndef VITYA_PASSES_EMIT_OBJECT_H
#define VITYA_PASSES_EMIT_OBJECT_H

#include "passes/emit/Target.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya {

/// Writes `module`, which is at the end of phase `llvm`, as assembly (without the bytes of the weights).
llvm::Error emitAssembly(mlir::ModuleOp module, const Target &target, llvm::StringRef options, llvm::raw_ostream &os);

/// Writes it as a relocatable object that defines `vitya_model_descriptor` (runtime/Abi.h) and holds the weights.
llvm::Error emitObject(mlir::ModuleOp module, const Target &target, llvm::StringRef options, llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_PASSES_EMIT_OBJECT_H
