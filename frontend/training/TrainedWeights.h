// The weights of a model in training, and the optimizers that change them. For files that are compiled with LibTorch's
// headers.
#ifndef VITYA_FRONTEND_TRAINING_TRAINEDWEIGHTS_H
#define VITYA_FRONTEND_TRAINING_TRAINEDWEIGHTS_H

#include "frontend/training/Learner.h"
#include "frontend/training/Workers.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <ATen/ATen.h>

namespace vitya {

/// Copies `values` to `device`, as a vector.
at::Tensor upload(llvm::ArrayRef<float> values, at::Device device);
/// The elements of `tensor`, in row-major order.
std::vector<float> toVector(const at::Tensor &tensor);

/// Only the leaves that the caller makes of the weights need gradients, so nothing that is done here is recorded.
class TrainedWeights {
public:
  /// All weights are 0.
  TrainedWeights(llvm::ArrayRef<WeightShape> shapes, const LearnerOptions &options, at::Device device);

  /// All weights, one after the other.
  const at::Tensor &values() const { return weights; }
  /// The moving average of `values`.
  const at::Tensor &average() const { return averages; }
  int64_t steps() const { return count; }

  /// `vector`, which has an element for each weight, as a tensor for each weight. The parts that are not trained have
  /// no gradient.
  std::vector<autograd::Tensor> split(const at::Tensor &vector) const;

  /// One step of the optimizer with learning rate `rate`. Scales `gradient` as options.clipNorm says.
  void update(const at::Tensor &gradient, double rate, Workers &workers);

  LearnerState state() const;
  void restore(const LearnerState &state);

private:
  void forEachPart(Workers &workers, llvm::function_ref<void(int64_t offset, int64_t size)> compute) const;
  void useMuon(const at::Tensor &direction, const at::Tensor &gradient, Workers &workers) const;

  LearnerOptions options;
  std::vector<WeightShape> shapes;
  std::vector<int64_t> sizes;
  at::Tensor weights, averages;
  at::Tensor isMatrix;      ///< 1 for elements of matrices, else 0
  at::Tensor first, second; ///< the moments of AdamW; the first of a matrix is the momentum of Muon
  int64_t count = 0;        ///< steps
};

} // namespace vitya

#endif // VITYA_FRONTEND_TRAINING_TRAINEDWEIGHTS_H
