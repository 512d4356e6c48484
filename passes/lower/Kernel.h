// What the passes of the lowering agree on: the calls and the loops of kernels, and the packing of weights. The
// attributes that mark kernels and loops are declared in dialect/VityaDialect.td.
#ifndef VITYA_PASSES_LOWER_KERNEL_H
#define VITYA_PASSES_LOWER_KERNEL_H

#include "dialect/VityaDialect.h"
#include "dialect/arithmetic/Lanes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/SymbolTable.h"

namespace vitya {

/// The calls of `kernel`, a function of `module`. Emits an error if another op refers to it.
inline mlir::FailureOr<llvm::SmallVector<mlir::func::CallOp>> callsOf(mlir::func::FuncOp kernel,
                                                                      mlir::ModuleOp module) {
  llvm::SmallVector<mlir::func::CallOp> calls;
  if (std::optional<mlir::SymbolTable::UseRange> uses = mlir::SymbolTable::getSymbolUses(kernel, module))
    for (mlir::SymbolTable::SymbolUse use : *uses) {
      auto call = llvm::dyn_cast<mlir::func::CallOp>(use.getUser());
      if (!call)
        return use.getUser()->emitOpError() << "expected kernel @" << kernel.getName() << " to be called only";
      calls.push_back(call);
    }
  return calls;
}

/// The blocking factor of VNNI layout for activations of type `element`: how many pairs of factors one dot product
/// instruction multiplies and adds into a 32-bit sum, which must therefore be contiguous in both operands. 4 for bytes,
/// 2 for 16-bit integers and bf16, 1 (no blocking) for f32.
inline int64_t getVnniBlockingFactor(mlir::Type element) {
  return element.isInteger(8) ? 4 : element.isInteger(16) || element.isBF16() ? 2 : 1;
}

/// The least number of iterations of a parallel loop that threads share evenly enough whatever their number.
inline constexpr int64_t kParallelIterations = 8;

/// The number of iterations of `loop`, if it is a loop on buffers over one range from 0 with step 1.
inline std::optional<int64_t> getIterations(mlir::scf::ForallOp loop) {
  if (loop.getRank() != 1 || !loop.isNormalized() || !loop.getOutputs().empty())
    return std::nullopt;
  return mlir::getConstantIntValue(loop.getMixedUpperBound().front());
}

} // namespace vitya

#endif // VITYA_PASSES_LOWER_KERNEL_H
