// All weights are one vector, so that a step of the optimizer is a few operations on parts of it.
#include "frontend/training/TrainedWeights.h"
#include "dialect/torch/Ops.h"
#include "dialect/torch/TorchTensor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

namespace vitya {
namespace {

/// Elements of a part of the weights: what a step reads and writes for them fits into the cache of a core.
constexpr int64_t kPart = 1 << 15;

/// The factor U V^T of the singular value decomposition U S V^T of `matrix`, with singular values between about 0.7 and
/// 1.2 instead of 1: five Newton-Schulz iterations with the polynomial of Muon, 3.4445 x - 4.775 x^3 + 2.0315 x^5.
at::Tensor orthogonalized(const at::Tensor &matrix) {
  bool isTall = matrix.size(0) > matrix.size(1);
  at::Tensor x = isTall ? matrix.t() : matrix;
  x = x / (x.norm() + 1e-7); // no singular value is above 1
  for (int step = 0; step < 5; ++step) {
    at::Tensor gram = x.mm(x.t());
    x = x * 3.4445 + at::addmm(gram, gram, gram, /*beta=*/-4.775, /*alpha=*/2.0315).mm(x);
  }
  return isTall ? x.t() : x;
}

} // namespace

at::Tensor upload(llvm::ArrayRef<float> values, at::Device device) {
  return at::from_blob(const_cast<float *>(values.data()), {int64_t(values.size())}, at::kFloat).clone().to(device);
}

std::vector<float> toVector(const at::Tensor &tensor) { return autograd::elementsOf(autograd::wrap(tensor)); }

TrainedWeights::TrainedWeights(llvm::ArrayRef<WeightShape> shapes, const LearnerOptions &options, at::Device device)
    : options(options), shapes(shapes) {
  std::vector<at::Tensor> masks;
  for (const WeightShape &weight : shapes) {
    int64_t size = 1;
    for (int64_t dim : weight.shape)
      size *= dim;
    sizes.push_back(size);
    masks.push_back(at::full({size}, weight.isMatrix ? 1.0 : 0.0, at::kFloat));
  }
  isMatrix = at::cat(masks).to(device);
  for (at::Tensor *each : {&weights, &averages, &first, &second})
    *each = at::zeros_like(isMatrix);
}

std::vector<autograd::Tensor> TrainedWeights::split(const at::Tensor &vector) const {
  std::vector<autograd::Tensor> result;
  for (auto [weight, part] : llvm::zip_equal(shapes, at::split_with_sizes(vector, sizes, 0))) {
    at::Tensor view = part.view(weight.shape);
    result.push_back(autograd::wrap(weight.isTrained ? view : view.detach()));
  }
  return result;
}

/// Calls `compute` for parts that are together all elements.
void TrainedWeights::forEachPart(Workers &workers,
                                 llvm::function_ref<void(int64_t offset, int64_t size)> compute) const {
  int64_t all = weights.numel(), size = weights.is_cpu() ? kPart : all;
  workers.forEach(llvm::divideCeil(all, size), [&](int64_t i) { compute(i * size, std::min(size, all - i * size)); });
}

/// Replaces the parts of `direction`, a step of AdamW, for matrices. Their steps get the root mean square that steps
/// of AdamW usually have, 0.2.
void TrainedWeights::useMuon(const at::Tensor &direction, const at::Tensor &gradient, Workers &workers) const {
  std::vector<int64_t> offsets(1, 0);
  for (int64_t size : sizes)
    offsets.push_back(offsets.back() + size);
  workers.forEach(shapes.size(), [&](int64_t i) {
    const WeightShape &weight = shapes[i];
    if (!weight.isMatrix || !weight.isTrained)
      return;
    auto part = [&](const at::Tensor &of) { return of.narrow(0, offsets[i], sizes[i]).view(weight.shape); };
    at::Tensor momentum = part(gradient).lerp(part(first), options.momentum); // Nesterov's
    double scale = 0.2 * std::sqrt(double(std::max(weight.shape[0], weight.shape[1])));
    part(direction).copy_(orthogonalized(momentum).mul_(scale));
  });
}

/// Moments of AdamW are corrected for their start at 0.
void TrainedWeights::update(const at::Tensor &gradient, double rate, Workers &workers) {
  if (options.clipNorm > 0)
    gradient.mul_((options.clipNorm / (gradient.norm() + 1e-6)).clamp_max_(1));
  ++count;
  bool isMuon = options.optimizer == Optimizer::muon;
  double firstScale = 1 - std::pow(options.beta1, count), secondScale = 1 - std::pow(options.beta2, count);
  at::Tensor direction = at::empty_like(gradient);
  forEachPart(workers, [&](int64_t offset, int64_t size) {
    auto part = [&](const at::Tensor &of) { return of.narrow(0, offset, size); };
    at::Tensor slope = part(gradient), m = part(first), v = part(second);
    if (isMuon)
      m.lerp_(slope, part(isMatrix) * (options.beta1 - options.momentum) + (1 - options.beta1));
    else
      m.lerp_(slope, 1 - options.beta1);
    v.mul_(options.beta2).addcmul_(slope, slope, 1 - options.beta2);
    part(direction).copy_(m / (v.sqrt() / std::sqrt(secondScale)).add_(options.eps) / firstScale);
  });
  if (isMuon)
    useMuon(direction, gradient, workers);
  // The average of the first steps forgets the start faster.
  double decay = std::min(options.averageDecay, double(1 + count) / double(10 + count));
  forEachPart(workers, [&](int64_t offset, int64_t size) {
    auto part = [&](const at::Tensor &of) { return of.narrow(0, offset, size); };
    at::Tensor w = part(weights);
    w.addcmul_(w, part(isMatrix), -rate * options.weightDecay).add_(part(direction), -rate);
    part(averages).lerp_(w, 1 - decay);
  });
}

LearnerState TrainedWeights::state() const {
  return {toVector(weights), toVector(averages), toVector(first), toVector(second), count};
}

void TrainedWeights::restore(const LearnerState &state) {
  at::Device device = weights.device();
  weights = upload(state.weights, device);
  averages = upload(state.average, device);
  first = upload(state.firstMoments, device);
  second = upload(state.secondMoments, device);
  count = state.steps;
}

} // namespace vitya
