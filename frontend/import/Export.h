// Writes a model as a checkpoint.
#ifndef VITYA_FRONTEND_IMPORT_EXPORT_H
#define VITYA_FRONTEND_IMPORT_EXPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya {

/// Writes the f32 weights of `module`, of phase `import` or `compress`, as a checkpoint for PyTorch. Importing it gives
/// the same model. Tensors of a layer are called "NAME.weight" and "NAME.bias", or "NAME.left.weight",
/// "NAME.right.weight" and "NAME.left.bias" if they are factors; other tensors have the names of their resources.
/// Everything else that the importer needs is in the entry `vitya`. Fails for weights that are not f32, for constants
/// without a name, and if layers differ in a setting that a checkpoint has only once, such as eps.
llvm::Error exportCheckpoint(mlir::ModuleOp module, llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_EXPORT_H
