// A tensor of LibTorch that code without RTTI and exceptions can hold: MLIR is built without them, and LibTorch's
// headers need both.
#ifndef VITYA_DIALECT_TORCH_TENSOR_H
#define VITYA_DIALECT_TORCH_TENSOR_H

#include <memory>

namespace vitya::autograd {

/// Shares an at::Tensor, which TorchTensor.h gives access to. Null if it was default-constructed.
class Tensor {
public:
  struct Value;

  Tensor() = default;
  explicit Tensor(std::shared_ptr<const Value> value) : value(std::move(value)) {}

  explicit operator bool() const { return value != nullptr; }
  const Value &operator*() const { return *value; }

private:
  std::shared_ptr<const Value> value;
};

} // namespace vitya::autograd

#endif // VITYA_DIALECT_TORCH_TENSOR_H
