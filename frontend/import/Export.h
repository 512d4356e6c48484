// A model back to a checkpoint.
#ifndef VITYA_FRONTEND_IMPORT_EXPORT_H
#define VITYA_FRONTEND_IMPORT_EXPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya {

/// Writes the f32 weights of `module`, of phase `import` or `compress`, as a checkpoint for PyTorch that imports again
/// to the same model: tensors have the names of their layers ("NAME.weight", "NAME.bias", "NAME.left.weight",
/// "NAME.right.weight" and "NAME.left.bias" of factors) or, where they belong to none, of their resources; everything
/// else that the importer asks for is in the entry `vitya`. Weights that are not f32, constants without a name, and
/// attentions or norms of which one differs from the others in what a checkpoint says once, are errors.
llvm::Error exportCheckpoint(mlir::ModuleOp module, llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_EXPORT_H
