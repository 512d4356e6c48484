// Finds the value of a model from which on patches can be left out.
#ifndef VITYA_DIALECT_TORCH_TOKENSEQUENCE_H
#define VITYA_DIALECT_TORCH_TOKENSEQUENCE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace vitya::autograd {

/// A sequence of tokens such that everything after it is computed in the same way from fewer patches.
struct TokenSequence {
  mlir::Operation *op; ///< whose result it is
  int64_t special;     ///< the tokens at its beginning that are no patches, such as the class token
};

/// Finds the first sequence of `function` with that property: with patches, special tokens and positions. Error at the
/// op that needs all patches, or at the function if it has no attention.
mlir::FailureOr<TokenSequence> findTokenSequence(mlir::func::FuncOp function);

} // namespace vitya::autograd

#endif // VITYA_DIALECT_TORCH_TOKENSEQUENCE_H
