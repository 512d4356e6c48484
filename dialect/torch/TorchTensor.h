// The at::Tensor inside of a Tensor, for files that are compiled with LibTorch's headers.
#ifndef VITYA_DIALECT_TORCH_TORCHTENSOR_H
#define VITYA_DIALECT_TORCH_TORCHTENSOR_H

#include "dialect/torch/Tensor.h"
#include <ATen/ATen.h>

namespace vitya::autograd {

struct Tensor::Value {
  at::Tensor tensor;
};

inline const at::Tensor &unwrap(const Tensor &tensor) { return (*tensor).tensor; }

inline Tensor wrap(at::Tensor tensor) {
  return Tensor(std::make_shared<const Tensor::Value>(Tensor::Value{std::move(tensor)}));
}

} // namespace vitya::autograd

#endif // VITYA_DIALECT_TORCH_TORCHTENSOR_H
