// Affine quantized tensors: the weights of PyTorch's quantized modules, and those that this compiler has quantized.
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
  int64_t min = -128, max = 127;   ///< of the integers
};

/// Reads a tensor that `checkTensor` accepted, of type qint8 or a weight that `joinWeights` has joined. Fails for other
/// types and schemes, for integers outside their range, for scales that are not positive and finite, and if their
/// number is not the size of the axis. `name` is for errors.
llvm::Expected<QuantizedTensor> readQuantized(llvm::StringRef name, const Tensor &tensor, const Records &records);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_QUANTIZEDTENSOR_H
