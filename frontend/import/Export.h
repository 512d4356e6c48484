// Writes a model as a checkpoint.
#ifndef VITYA_FRONTEND_IMPORT_EXPORT_H
#define VITYA_FRONTEND_IMPORT_EXPORT_H

#include "frontend/checkpoint/CheckpointWriter.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya {

/// Writes the weights of `module`, of phase `import` or `compress`, as a checkpoint. Importing it gives the same model.
/// Tensors of a layer are called "NAME.weight" and "NAME.bias", or "NAME.left.weight", "NAME.right.weight" and
/// "NAME.left.bias" if they are factors; those of a layer that was split are called so with NAME.q, NAME.k and NAME.v.
/// A quantized weight is stored as integers and scales (IntegerWeights.h). Other tensors have the names of their
/// resources. Everything else that the importer needs is in the entry `vitya`. Fails for weights without their bytes,
/// for constants without a name, and if layers differ in a setting that a checkpoint has only once, such as eps.
llvm::Error exportCheckpoint(mlir::ModuleOp module, CheckpointFormat format, llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_EXPORT_H
