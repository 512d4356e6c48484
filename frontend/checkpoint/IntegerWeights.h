// Quantized weights as this compiler stores them in checkpoints: two tensors of integers and scales, and a range.
#ifndef VITYA_FRONTEND_CHECKPOINT_INTEGERWEIGHTS_H
#define VITYA_FRONTEND_CHECKPOINT_INTEGERWEIGHTS_H

#include "frontend/checkpoint/StateDict.h"
#include "llvm/Support/JSON.h"

namespace vitya {

/// The key of the `vitya` entry that describes such weights: {TENSOR: {"range": [MIN, MAX], "columns": COLUMNS}}.
inline constexpr llvm::StringLiteral kWeightsKey = "weights";

/// The scales of tensor NAME are tensor NAME_scale.
inline constexpr llvm::StringLiteral kScaleSuffix = "_scale";

/// The range of a weight [rows, columns]. Integers that 4 bits can hold are packed two to a byte.
struct IntegerRange {
  int64_t min, max;
  bool isPacked() const { return min >= -8 && max <= 7; }
};

/// The tensors of a weight [rows, columns].
struct IntegerWeight {
  IntegerRange range;
  Tensor integers; ///< i8 [rows, columns], or u8 [rows, ceil(columns / 2)] if they are packed
  Tensor scales;   ///< f64 [rows], or [] for one scale of all rows
};

/// Replaces the tensors of each weight that `settings` describes by one tensor with the shape of the weight, and
/// removes the description. Fails if a description is malformed, if a tensor is missing, or if its type or shape is not
/// as described.
llvm::Error joinWeights(llvm::json::Object &settings, std::vector<NamedTensor> &tensors);

/// The description of a weight for `settings`.
llvm::json::Object describeWeight(IntegerRange range, int64_t columns);

/// Packs rows of `columns` integers from -8 to 7: byte j of a row holds column 2j in its low half and column 2j + 1 in
/// its high half, both in two's complement. The last high half of a row with an odd number of columns is 0.
std::vector<char> packNibbles(llvm::ArrayRef<char> integers, int64_t columns);

/// The inverse of `packNibbles`. Fails if a half that pads a row is not 0; `name` is for the error.
llvm::Expected<std::vector<int8_t>> unpackNibbles(llvm::StringRef name, llvm::ArrayRef<char> bytes, int64_t columns);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_INTEGERWEIGHTS_H
