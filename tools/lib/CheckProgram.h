// Comparing a model with LibTorch in another program, so that the compiler does not need LibTorch.
#ifndef VITYA_TOOLS_LIB_CHECKPROGRAM_H
#define VITYA_TOOLS_LIB_CHECKPROGRAM_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include "llvm/TargetParser/Triple.h"

namespace vitya {

/// Runs `vitya-check`, from the folder of this program, on `module` as it is compiled for `cpu` of `system`, and on the
/// images of the file `images`, or random ones if it is empty. Fails if there is no such program, or if this machine
/// cannot execute code for it. If it fails, it has reported the reason, and the error is a ReportedError.
llvm::Error checkWithLibTorch(mlir::ModuleOp module, llvm::StringRef cpu, const llvm::Triple &system,
                              llvm::StringRef images);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_CHECKPROGRAM_H
