// The tensors of a new model.
#ifndef VITYA_FRONTEND_LAYOUT_NEWTENSORS_H
#define VITYA_FRONTEND_LAYOUT_NEWTENSORS_H

#include "frontend/checkpoint/CheckpointWriter.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringSet.h"

namespace vitya {

/// Tensors that are added one by one. A tensor that several layers share is added once. Fails if all tensors together
/// have too many elements.
class NewTensors {
public:
  explicit NewTensors(uint64_t seed) : seed(seed) {}

  std::string prefix; ///< of the names of tensors

  /// Adds a tensor with the values that `values` returns for the number of its elements.
  llvm::Error add(llvm::StringRef name, llvm::ArrayRef<int64_t> shape,
                  llvm::function_ref<std::vector<float>(int64_t count)> values);
  llvm::Error addConstant(llvm::StringRef name, llvm::ArrayRef<int64_t> shape, float value);
  /// Adds numbers of a truncated normal distribution with this standard deviation.
  llvm::Error addRandom(llvm::StringRef name, llvm::ArrayRef<int64_t> shape, double deviation);

  std::vector<TensorToWrite> take() { return std::move(tensors); }

private:
  uint64_t seed;
  std::vector<TensorToWrite> tensors;
  llvm::StringSet<> names;
  int64_t elements = 0;
};

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_NEWTENSORS_H
