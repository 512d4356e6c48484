// The parts that the lowerings of f32 and integer attention share: the loop over heads and the padding of operands.
#ifndef VITYA_PASSES_LOWER_LINALG_ATTENTIONHEADS_H
#define VITYA_PASSES_LOWER_LINALG_ATTENTIONHEADS_H

#include "passes/lower/linalg/LinalgBuilder.h"

namespace vitya::detail {

/// The operands of one head: query [rows, A], key [keys, A], value [keys, B], bias [rows, padded keys] and the
/// destination of its result [rows, B].
struct Head {
  Value query, key, value;
  Value bias; ///< null if there is none
  Value destination;
};

/// Creates a parallel loop over the `heads` heads of an attention. Head h reads the h-th of `heads` equal slices of the
/// columns of query, key, value and bias, which may be null; `attend` computes its result, which is inserted at the
/// h-th slice of the columns of the loop's result, f32 [rows, heads * B].
Value forEachHead(LinalgBuilder &b, int64_t heads, Value query, Value key, Value value, Value bias,
                  llvm::function_ref<Value(LinalgBuilder &, const Head &)> attend);

/// Returns `matrix` with zeros appended up to `rows` x `columns`.
Value padTo(LinalgBuilder &b, Value matrix, int64_t rows, int64_t columns);

/// Whether the index `key` is below `keys`, so that it is not that of padding.
Value keyExists(FloatBuilder &b, Value key, int64_t keys);

} // namespace vitya::detail

#endif // VITYA_PASSES_LOWER_LINALG_ATTENTIONHEADS_H
