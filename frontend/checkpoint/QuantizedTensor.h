// Affine quantized tensors, the weights of PyTorch's quantized modules.
#ifndef VITYA_FRONTEND_CHECKPOINT_QUANTIZEDTENSOR_H
#define VITYA_FRONTEND_CHECKPOINT_QUANTIZEDTENSOR_H

#include "frontend/checkpoint/Tensor.h"
#include <optional>
#include <vector>

namespace vitya {

/// Represents the values scale * (integer - zero point).
struct QuantizedTensor {
  std::vector<int8_t> integers;    ///< row-major
  std::vector<double> scales;      ///< one scale, or one for each index along `axis`
  std::vector<int64_t> zeroPoints; ///< one for each scale, from -128 to 127
  std::optional<int64_t> axis;     ///< the dimension along which scales differ
};

/// Reads a tensor of type qint8 that `checkTensor` accepted. Fails for other types and schemes, for scales that are not
/// positive and finite, and if their number is not the size of the axis. `name` is for errors.
llvm::Expected<QuantizedTensor> readQuantized(llvm::StringRef name, const Tensor &tensor, const Records &records);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_QUANTIZEDTENSOR_H
