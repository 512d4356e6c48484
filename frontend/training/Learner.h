// The part of training that is LibTorch's: gradients, the optimizer, the moving average of the weights.
#ifndef VITYA_FRONTEND_TRAINING_LEARNER_H
#define VITYA_FRONTEND_TRAINING_LEARNER_H

#include "dialect/torch/Tensor.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace vitya {

enum class Device { cpu, cuda };

/// What makes a step of a gradient. Muon (Jordan et al. 2024; with weight decay and the step size of AdamW, arXiv
/// 2502.16982) replaces the momentum of each matrix by the nearest one with orthonormal rows or columns, about, and
/// leaves all other weights to AdamW (arXiv 1711.05101).
enum class Optimizer { adamw, muon };

struct LearnerOptions {
  Device device = Device::cpu;
  int64_t threads = 1;          ///< that share the images of a batch on the CPU
  bool isBfloat16 = false;      ///< whether matrix products are computed in bfloat16 (autocast)
  bool isDeterministic = false; ///< whether only deterministic algorithms are used
  Optimizer optimizer = Optimizer::adamw;
  double weightDecay = 0.05;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8; ///< of AdamW
  double momentum = 0.95;                        ///< of Muon
  double clipNorm = 1;                           ///< largest norm of the gradient; 0: any
  double averageDecay = 0.9998;                  ///< of the moving average; 0: the average is the weights
  double smoothing = 0;                          ///< of labels (arXiv 1512.00567)
  double mixup = 0;                              ///< parameter of the beta distribution (arXiv 1710.09412); 0: none
  double cutmix = 0;         ///< the same (arXiv 1905.04899); with both, each is used for half of the mixed batches
  double mixProbability = 1; ///< share of the batches that are mixed
  double distillation = 0;   ///< share of the teacher in the loss, in [0, 1]
  double temperature = 1;    ///< of the distillation (arXiv 1503.02531)
  double features = 0;       ///< weight of the mean squared difference between features of the model and the teacher
};

/// The shape of a weight, whether it is the matrix of a linear layer, to which weight decay and Muon apply, and whether
/// it changes at all.
struct WeightShape {
  std::vector<int64_t> shape;
  bool isMatrix = false;
  bool isTrained = true;
};

/// Images as a dataset has them, u8 [count, channels, height, width], and their labels.
struct LabelledImages {
  llvm::ArrayRef<uint8_t> pixels;
  llvm::ArrayRef<int64_t> labels;
  int64_t channels, height, width;
};

/// Sums over the images seen.
struct Metrics {
  double loss = 0;      ///< of all images
  int64_t correct = 0;  ///< images for which the label has the largest logit
  int64_t count = 0;    ///< images
  int64_t badStep = -1; ///< the first step with a loss that is not finite; -1: none
};

/// What a model computes for a batch of images.
struct Prediction {
  autograd::Tensor logits; ///< [B, classes]
  /// Those that a teacher teaches, with the same shapes and in the same order as its own; none if it teaches only
  /// logits.
  std::vector<autograd::Tensor> features;
};

/// What a run needs to go on: all vectors hold all weights, one after the other.
struct LearnerState {
  std::vector<float> weights, average, firstMoments, secondMoments;
  int64_t steps = 0;
};

class Learner {
public:
  /// Computes a prediction from images f32 [B, channels, height, width] and the weights.
  using Forward = std::function<Prediction(const autograd::Tensor &images, llvm::ArrayRef<autograd::Tensor> weights)>;
  using Teacher = std::function<Prediction(const autograd::Tensor &images)>;

  /// Fails if LibTorch has no such device. Weights are 0 at first.
  static llvm::Expected<std::unique_ptr<Learner>> create(llvm::ArrayRef<WeightShape> weights, int64_t classes,
                                                         const LearnerOptions &options);
  ~Learner();

  /// Sets the weights and their average, and forgets the moments.
  void start(llvm::ArrayRef<llvm::ArrayRef<float>> weights);
  /// The moving average of all weights, one after the other.
  std::vector<float> average() const;

  LearnerState state() const;
  /// Goes on from a state of a learner of the same weights.
  void restore(const LearnerState &state);

  /// One step of the optimizer on `images`, with learning rate `rate`. All randomness of the step depends on `seed`.
  /// `teacher` may be null. Fails with the error of LibTorch, such as that of memory.
  llvm::Error step(const LabelledImages &images, double rate, uint64_t seed, const Forward &forward,
                   const Teacher &teacher);

  /// The sums over the steps since the last call. Waits for the device.
  Metrics takeMetrics();

  /// Loss and accuracy on `images` with the average of the weights.
  llvm::Expected<Metrics> evaluate(const LabelledImages &images, int64_t batch, const Forward &forward);

  /// The logits of `images` with the average of the weights, [count, classes].
  llvm::Expected<std::vector<float>> logits(const LabelledImages &images, int64_t batch, const Forward &forward);

  /// Copies `values` of `shape` to the device, as a constant.
  autograd::Tensor constant(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> values) const;

private:
  struct Impl;
  explicit Learner(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

/// The version of the linked LibTorch.
std::string libTorchVersion();

} // namespace vitya

#endif // VITYA_FRONTEND_TRAINING_LEARNER_H
