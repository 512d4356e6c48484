// Elementary functions and sums of rows in f32, as dialect/Elementary.h defines them.
#ifndef VITYA_DIALECT_REFERENCE_ELEMENTARY_H
#define VITYA_DIALECT_REFERENCE_ELEMENTARY_H

#include "llvm/ADT/ArrayRef.h"

namespace vitya::reference {

/// Each replaces the elements of `values` by the function of them.
void exponentials(llvm::MutableArrayRef<float> values);
void errorFunctions(llvm::MutableArrayRef<float> values);
void hyperbolicTangents(llvm::MutableArrayRef<float> values);

/// The sum of a row that is cut into `lanes` lanes; the last group may lack some.
float sumOfRow(llvm::ArrayRef<float> row, int64_t lanes);
/// The same of the squares, each fused with the sum of its lane.
float sumOfSquares(llvm::ArrayRef<float> row, int64_t lanes);

} // namespace vitya::reference

#endif // VITYA_DIALECT_REFERENCE_ELEMENTARY_H
