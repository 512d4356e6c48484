// All weights are one vector, so that a step of the optimizer is a few operations on it.
#include "frontend/training/Learner.h"
#include "dialect/support/Errors.h"
#include "dialect/torch/Ops.h"
#include "dialect/torch/TorchTensor.h"
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <algorithm>
#include <cmath>
#include <random>
#include <torch/torch.h>
#include <torch/version.h>

namespace vitya {
namespace {

#define VITYA_TORCH_AT_LEAST(MAJOR, MINOR)                                                                             \
  (TORCH_VERSION_MAJOR > MAJOR || (TORCH_VERSION_MAJOR == MAJOR && TORCH_VERSION_MINOR >= MINOR))

/// Matrix products in bfloat16 as long as it lives.
class Autocast {
public:
  Autocast(at::DeviceType device, bool isEnabled) : device(device), isEnabled(isEnabled) {
    if (isEnabled)
      set(true);
  }
  ~Autocast() {
    if (!isEnabled)
      return;
    set(false);
    at::autocast::clear_cache();
  }

private:
  void set(bool on) {
#if VITYA_TORCH_AT_LEAST(2, 4)
    at::autocast::set_autocast_dtype(device, at::kBFloat16);
    at::autocast::set_autocast_enabled(device, on);
#else
    if (device == at::kCUDA) {
      at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
      at::autocast::set_enabled(on);
    } else {
      at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
      at::autocast::set_cpu_enabled(on);
    }
#endif
  }

  at::DeviceType device;
  bool isEnabled;
};

std::vector<float> toVector(const at::Tensor &tensor) { return autograd::elementsOf(autograd::wrap(tensor)); }

/// The mean squared difference, averaged over the features.
at::Tensor featureDifference(llvm::ArrayRef<autograd::Tensor> found, llvm::ArrayRef<autograd::Tensor> wanted) {
  std::vector<at::Tensor> differences;
  for (size_t i = 0; i < found.size(); ++i)
    differences.push_back(at::mse_loss(unwrap(found[i]).to(at::kFloat), unwrap(wanted[i]).to(at::kFloat)));
  return at::stack(differences).mean();
}

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

/// A sample of the beta distribution with both parameters `alpha`.
double sampleBeta(std::mt19937_64 &random, double alpha) {
  std::gamma_distribution<double> gamma(alpha);
  double a = gamma(random), b = gamma(random);
  return a + b > 0 ? a / (a + b) : 0.5;
}

} // namespace

struct Learner::Impl {
  LearnerOptions options;
  at::Device device = at::kCPU;
  int64_t classes = 0;
  std::vector<std::vector<int64_t>> shapes;
  std::vector<int64_t> sizes;
  std::vector<bool> areTrained, areMatrices;
  at::Tensor weights;           ///< a leaf of the graph of gradients
  at::Tensor average, isMatrix; ///< as `weights`; 1 for elements of matrices, else 0
  at::Tensor first, second;     ///< the moments; Muon has no second ones
  int64_t steps = 0;
  at::Tensor loss, correct, badStep; ///< sums since the last call of takeMetrics, on the device
  int64_t count = 0;

  at::TensorOptions floats() const { return at::TensorOptions().dtype(at::kFloat).device(device); }

  at::Tensor upload(llvm::ArrayRef<float> values) const {
    return at::from_blob(const_cast<float *>(values.data()), {int64_t(values.size())}, at::kFloat).clone().to(device);
  }

  std::vector<autograd::Tensor> split(const at::Tensor &vector) const {
    std::vector<autograd::Tensor> result;
    std::vector<at::Tensor> parts = at::split_with_sizes(vector, sizes, 0);
    for (size_t i = 0; i < parts.size(); ++i)
      result.push_back(autograd::wrap(areTrained[i] ? parts[i].view(shapes[i]) : parts[i].view(shapes[i]).detach()));
    return result;
  }

  at::Tensor pixels(const LabelledImages &images, int64_t begin, int64_t end) const {
    int64_t size = images.channels * images.height * images.width;
    at::Tensor bytes = at::from_blob(const_cast<uint8_t *>(images.pixels.data()) + begin * size,
                                     {end - begin, images.channels, images.height, images.width}, at::kByte);
    return bytes.to(device).to(at::kFloat).div_(255);
  }

  at::Tensor labels(const LabelledImages &images, int64_t begin, int64_t end) const {
    return at::from_blob(const_cast<int64_t *>(images.labels.data()) + begin, {end - begin}, at::kLong).to(device);
  }

  void clearMetrics() {
    loss = at::zeros({}, floats().dtype(at::kDouble));
    correct = at::zeros({}, floats().dtype(at::kLong));
    badStep = at::full({}, std::numeric_limits<int64_t>::max(), floats().dtype(at::kLong));
    count = 0;
  }

  /// Mixes each image with its partner, in place, and returns the share of the image in the label.
  double mix(at::Tensor &images, std::mt19937_64 &random) const {
    bool isCut = options.cutmix > 0 && (options.mixup <= 0 || random() % 2 == 0);
    bool isMixed = double(random() >> 11) * 0x1p-53 < options.mixProbability;
    if (!isMixed || (!isCut && options.mixup <= 0))
      return 1;
    double share = sampleBeta(random, isCut ? options.cutmix : options.mixup);
    at::Tensor partners = images.flip(0);
    if (!isCut) {
      images = images * share + partners * (1 - share);
      return share;
    }
    // A rectangle of the area 1 - share around a random pixel, clipped at the borders.
    int64_t height = images.size(2), width = images.size(3);
    double side = std::sqrt(1 - share);
    auto range = [&](int64_t size) {
      int64_t middle = random() % size, half = std::llround(size * side) / 2;
      return std::pair(std::max<int64_t>(middle - half, 0), std::min(middle + half, size));
    };
    auto [top, bottom] = range(height);
    auto [left, right] = range(width);
    auto cut = [&, top = top, bottom = bottom, left = left, right = right](const at::Tensor &from) {
      return from.slice(2, top, bottom).slice(3, left, right);
    };
    images = images.clone();
    cut(images).copy_(cut(partners));
    return 1 - double((bottom - top) * (right - left)) / (height * width);
  }

  /// Replaces the parts of `direction`, a step of AdamW, for matrices. Their steps get the root mean square that steps
  /// of AdamW usually have, 0.2.
  void useMuon(at::Tensor &direction, const at::Tensor &gradient) const {
    int64_t offset = 0;
    for (size_t i = 0; i < sizes.size(); offset += sizes[i++]) {
      if (!areMatrices[i] || !areTrained[i])
        continue;
      auto part = [&](const at::Tensor &all) { return all.narrow(0, offset, sizes[i]).view(shapes[i]); };
      at::Tensor momentum = part(gradient).lerp(part(first), options.momentum); // Nesterov's
      double scale = 0.2 * std::sqrt(double(std::max(shapes[i][0], shapes[i][1])));
      part(direction).copy_(orthogonalized(momentum).mul_(scale));
    }
  }

  /// One step on the gradient of `weights`. Moments of AdamW are corrected for their start at 0.
  void update(double rate) {
    at::NoGradGuard noGrad;
    at::Tensor gradient = weights.grad();
    if (options.clipNorm > 0)
      gradient.mul_((options.clipNorm / (gradient.norm() + 1e-6)).clamp_max_(1));
    ++steps;
    bool isMuon = options.optimizer == Optimizer::muon;
    if (isMuon)
      first.lerp_(gradient, isMatrix * (options.beta1 - options.momentum) + (1 - options.beta1));
    else
      first.lerp_(gradient, 1 - options.beta1);
    second.mul_(options.beta2).addcmul_(gradient, gradient, 1 - options.beta2);
    double firstScale = 1 - std::pow(options.beta1, steps), secondScale = 1 - std::pow(options.beta2, steps);
    at::Tensor direction = first / (second.sqrt() / std::sqrt(secondScale)).add_(options.eps) / firstScale;
    if (isMuon)
      useMuon(direction, gradient);
    weights.addcmul_(weights, isMatrix, -rate * options.weightDecay);
    weights.add_(direction, -rate);
    weights.mutable_grad() = at::Tensor();
    // The average of the first steps forgets the start faster.
    double decay = std::min(options.averageDecay, double(1 + steps) / double(10 + steps));
    average.lerp_(weights, 1 - decay);
  }

  void step(const LabelledImages &images, double rate, uint64_t seed, const Forward &forward, const Teacher &teacher) {
    std::mt19937_64 random(seed);
    torch::manual_seed(random());
    int64_t size = images.labels.size();
    at::Tensor input = pixels(images, 0, size), label = labels(images, 0, size);
    double share = mix(input, random);
    double off = options.smoothing / classes;
    at::Tensor target = at::full({size, classes}, off, floats());
    target.scatter_add_(1, label.unsqueeze(1), at::full({size, 1}, 1 - options.smoothing, floats()));
    if (share < 1)
      target = target * share + target.flip(0) * (1 - share);

    at::Tensor logits, taught;
    Prediction prediction, wantedPrediction;
    if (teacher) {
      at::NoGradGuard noGrad;
      Autocast autocast(device.type(), options.isBfloat16);
      wantedPrediction = teacher(autograd::wrap(input));
      taught = unwrap(wantedPrediction.logits).to(at::kFloat);
    }
    {
      Autocast autocast(device.type(), options.isBfloat16);
      prediction = forward(autograd::wrap(input), split(weights));
      logits = unwrap(prediction.logits).to(at::kFloat);
    }
    at::Tensor each = -(at::log_softmax(logits, 1) * target).sum(1);
    if (teacher) {
      double t = options.temperature;
      at::Tensor wanted = at::softmax(taught / t, 1);
      at::Tensor difference = (wanted * (at::log_softmax(taught / t, 1) - at::log_softmax(logits / t, 1))).sum(1);
      each = each * (1 - options.distillation) + difference * (options.distillation * t * t);
    }
    at::Tensor mean = each.mean();
    if (teacher && options.features > 0)
      mean = mean + featureDifference(prediction.features, wantedPrediction.features) * options.features;
    mean.backward();
    update(rate);

    at::NoGradGuard noGrad;
    at::Tensor value = mean.detach();
    loss.add_(value.to(at::kDouble) * double(size));
    correct.add_((logits.argmax(1) == label).sum());
    at::Tensor never = at::full({}, std::numeric_limits<int64_t>::max(), badStep.options());
    badStep = at::minimum(badStep, at::where(at::isfinite(value), never, at::full({}, steps, badStep.options())));
    count += size;
  }

  template <typename Visit>
  void forEachBatch(const LabelledImages &images, int64_t batch, const Forward &forward, Visit visit) {
    at::NoGradGuard noGrad;
    Autocast autocast(device.type(), options.isBfloat16);
    std::vector<autograd::Tensor> values = split(average);
    for (int64_t begin = 0, size = images.labels.size(); begin < size; begin += batch) {
      int64_t end = std::min(begin + batch, size);
      visit(begin, end, unwrap(forward(autograd::wrap(pixels(images, begin, end)), values).logits).to(at::kFloat));
    }
  }
};

Learner::Learner(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
Learner::~Learner() = default;

llvm::Expected<std::unique_ptr<Learner>> Learner::create(llvm::ArrayRef<WeightShape> weights, int64_t classes,
                                                         const LearnerOptions &options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->classes = classes;
  at::set_num_threads(static_cast<int>(options.threads));
  if (options.device == Device::cuda) {
    if (!at::globalContext().hasCUDA() || !torch::cuda::is_available())
      return makeError(llvm::Twine("expected a LibTorch with CUDA and a GPU for the device 'cuda', found LibTorch ") +
                       libTorchVersion() + " without");
    impl->device = at::Device(at::kCUDA, 0);
    at::globalContext().setAllowTF32CuBLAS(!options.isDeterministic);
  }
  llvm::Error error = autograd::guarded([&] {
    at::globalContext().setDeterministicAlgorithms(options.isDeterministic, /*warn_only=*/true);
    std::vector<at::Tensor> masks;
    for (const WeightShape &weight : weights) {
      int64_t size = 1;
      for (int64_t dim : weight.shape)
        size *= dim;
      impl->shapes.push_back(weight.shape);
      impl->sizes.push_back(size);
      impl->areTrained.push_back(weight.isTrained);
      impl->areMatrices.push_back(weight.isMatrix);
      masks.push_back(at::full({size}, weight.isMatrix ? 1.0 : 0.0, at::kFloat));
    }
    impl->isMatrix = at::cat(masks).to(impl->device);
    impl->weights = at::zeros_like(impl->isMatrix).requires_grad_();
    for (at::Tensor *each : {&impl->average, &impl->first, &impl->second})
      *each = at::zeros_like(impl->isMatrix);
    impl->clearMetrics();
  });
  if (error)
    return std::move(error);
  return std::unique_ptr<Learner>(new Learner(std::move(impl)));
}

void Learner::start(llvm::ArrayRef<llvm::ArrayRef<float>> weights) {
  LearnerState state;
  for (llvm::ArrayRef<float> each : weights)
    state.weights.insert(state.weights.end(), each.begin(), each.end());
  state.average = state.weights;
  state.firstMoments.assign(state.weights.size(), 0);
  state.secondMoments = state.firstMoments;
  restore(state);
}

std::vector<float> Learner::average() const { return toVector(impl->average); }

LearnerState Learner::state() const {
  return {toVector(impl->weights), toVector(impl->average), toVector(impl->first), toVector(impl->second), impl->steps};
}

void Learner::restore(const LearnerState &state) {
  impl->weights = impl->upload(state.weights).requires_grad_();
  impl->average = impl->upload(state.average);
  impl->first = impl->upload(state.firstMoments);
  impl->second = impl->upload(state.secondMoments);
  impl->steps = state.steps;
}

llvm::Error Learner::step(const LabelledImages &images, double rate, uint64_t seed, const Forward &forward,
                          const Teacher &teacher) {
  return autograd::guarded([&] { impl->step(images, rate, seed, forward, teacher); });
}

Metrics Learner::takeMetrics() {
  int64_t bad = impl->badStep.item<int64_t>();
  Metrics metrics{impl->loss.item<double>(), impl->correct.item<int64_t>(), impl->count,
                  bad == std::numeric_limits<int64_t>::max() ? -1 : bad};
  impl->clearMetrics();
  return metrics;
}

llvm::Expected<Metrics> Learner::evaluate(const LabelledImages &images, int64_t batch, const Forward &forward) {
  Metrics metrics;
  metrics.count = images.labels.size();
  llvm::Error error = autograd::guarded([&] {
    impl->forEachBatch(images, batch, forward, [&](int64_t begin, int64_t end, const at::Tensor &logits) {
      at::Tensor label = impl->labels(images, begin, end);
      metrics.loss += at::nll_loss(at::log_softmax(logits, 1), label, {}, at::Reduction::Sum).item<double>();
      metrics.correct += (logits.argmax(1) == label).sum().item<int64_t>();
    });
  });
  if (error)
    return std::move(error);
  return metrics;
}

llvm::Expected<std::vector<float>> Learner::logits(const LabelledImages &images, int64_t batch,
                                                   const Forward &forward) {
  std::vector<float> result;
  llvm::Error error = autograd::guarded([&] {
    impl->forEachBatch(images, batch, forward, [&](int64_t, int64_t, const at::Tensor &logits) {
      std::vector<float> values = toVector(logits);
      result.insert(result.end(), values.begin(), values.end());
    });
  });
  if (error)
    return std::move(error);
  return result;
}

autograd::Tensor Learner::constant(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> values) const {
  return autograd::wrap(impl->upload(values).view(at::IntArrayRef(shape.data(), shape.size())));
}

std::string libTorchVersion() { return TORCH_VERSION; }

} // namespace vitya
