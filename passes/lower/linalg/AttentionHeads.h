// What the lowerings of attention in f32 and of integers share: the loop over heads and the padding of their operands.
#ifndef VITYA_PASSES_LOWER_LINALG_ATTENTIONHEADS_H
#define VITYA_PASSES_LOWER_LINALG_ATTENTIONHEADS_H

#include "passes/lower/linalg/LinalgBuilder.h"

namespace vitya::detail {

/// Of one head: query [rows, A], key [keys, A], value [keys, B], and where the result [rows, B] goes.
struct Head {
  Value query, key, value, destination;
};

/// A parallel loop over `heads` groups of columns of query, key and value; `attend` computes the result of one. Returns
/// all of them side by side, f32 [rows, heads * B].
Value forEachHead(mlir::OpBuilder &builder, mlir::Location loc, int64_t heads, Value query, Value key, Value value,
                  llvm::function_ref<Value(const LinalgBuilder &, const Head &)> attend);

/// `matrix` with zeros appended up to `rows` x `columns`.
Value padTo(const LinalgBuilder &b, Value matrix, int64_t rows, int64_t columns);

/// Inside a linalg.generic of loops (row, group, lane): whether the key at (group, lane) is one of `keys`, the others
/// being padding.
Value keyExists(mlir::OpBuilder &builder, mlir::Location loc, int64_t keys);

} // namespace vitya::detail

#endif // VITYA_PASSES_LOWER_LINALG_ATTENTIONHEADS_H
