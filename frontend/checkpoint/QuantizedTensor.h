// Affine quantized tensors, as PyTorch's quantized modules hold their weights.
#ifndef VITYA_FRONTEND_CHECKPOINT_QUANTIZEDTENSOR_H
#define VITYA_FRONTEND_CHECKPOINT_QUANTIZEDTENSOR_H

#include "frontend/checkpoint/Tensor.h"
#include <optional>
#include <vector>

namespace vitya {

/// Integers and what they mean: value = scale * (integer - zero point).
struct QuantizedTensor {
  std::vector<int8_t> integers;    ///< row-major
  std::vector<double> scales;      ///< one, or one for each index along `axis`
  std::vector<int64_t> zeroPoints; ///< as many as scales, from -128 to 127
  std::optional<int64_t> axis;     ///< the dimension along which scales differ
};

/// Reads a tensor of type qint8 that `checkTensor` let pass. Fails for other types and schemes, for scales that are not
/// positive and finite, and where their number is not that of the axis. `name` is for errors.
llvm::Expected<QuantizedTensor> readQuantized(llvm::StringRef name, const Tensor &tensor, const Records &records);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_QUANTIZEDTENSOR_H
