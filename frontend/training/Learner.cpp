// Each thread computes the gradient of a part of the batch.
#include "frontend/training/Learner.h"
#include "dialect/support/Errors.h"
#include "dialect/torch/Ops.h"
#include "dialect/torch/TorchTensor.h"
#include "frontend/training/TrainedWeights.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
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

/// The mean squared difference, averaged over the features.
at::Tensor featureDifference(llvm::ArrayRef<autograd::Tensor> found, llvm::ArrayRef<autograd::Tensor> wanted) {
  std::vector<at::Tensor> differences;
  for (size_t i = 0; i < found.size(); ++i)
    differences.push_back(at::mse_loss(unwrap(found[i]).to(at::kFloat), unwrap(wanted[i]).to(at::kFloat)));
  return at::stack(differences).mean();
}

/// A sample of the beta distribution with both parameters `alpha`.
double sampleBeta(std::mt19937_64 &random, double alpha) {
  std::gamma_distribution<double> gamma(alpha);
  double a = gamma(random), b = gamma(random);
  return a + b > 0 ? a / (a + b) : 0.5;
}

} // namespace

/// Images of a part of a batch, for which a thread computes a gradient. The parts do not depend on the number of
/// threads, so neither does their sum.
constexpr int64_t kPartImages = 32;

/// Bytes that the gradients of all parts may take.
constexpr int64_t kLargestGradients = int64_t(1) << 30;

struct Learner::Impl {
  LearnerOptions options;
  at::Device device = at::kCPU;
  int64_t classes = 0;
  std::optional<TrainedWeights> weights;
  std::optional<Workers> workers;
  int64_t largestParts = 1;          ///< number of parts of a batch
  at::Tensor loss, correct, badStep; ///< sums since the last call of takeMetrics, on the device
  int64_t count = 0;

  at::TensorOptions floats() const { return at::TensorOptions().dtype(at::kFloat).device(device); }

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

  /// What a part of a batch adds to the step.
  struct Contribution {
    at::Tensor gradient, loss, correct;
  };

  /// The images of a batch, the distribution over classes that each should have, and its label.
  struct Samples {
    at::Tensor images, targets, labels;

    Samples slice(int64_t begin, int64_t end) const {
      return {images.slice(0, begin, end), targets.slice(0, begin, end), labels.slice(0, begin, end)};
    }
  };

  /// The loss of `samples`, times `share`, the share of them in the batch, and its gradient.
  Contribution learn(const Samples &samples, double share, const Forward &forward, const Teacher &teacher) const {
    at::Tensor logits, taught, leaf = weights->values().detach().requires_grad_();
    Prediction prediction, wantedPrediction;
    if (teacher) {
      at::NoGradGuard noGrad;
      Autocast autocast(device.type(), options.isBfloat16);
      wantedPrediction = teacher(autograd::wrap(samples.images));
      taught = unwrap(wantedPrediction.logits).to(at::kFloat);
    }
    {
      Autocast autocast(device.type(), options.isBfloat16);
      prediction = forward(autograd::wrap(samples.images), weights->split(leaf));
      logits = unwrap(prediction.logits).to(at::kFloat);
    }
    at::Tensor each = -(at::log_softmax(logits, 1) * samples.targets).sum(1);
    if (teacher) {
      double t = options.temperature;
      at::Tensor wanted = at::softmax(taught / t, 1);
      at::Tensor difference = (wanted * (at::log_softmax(taught / t, 1) - at::log_softmax(logits / t, 1))).sum(1);
      each = each * (1 - options.distillation) + difference * (options.distillation * t * t);
    }
    at::Tensor mean = each.mean();
    if (!prediction.features.empty())
      mean = mean + featureDifference(prediction.features, wantedPrediction.features) * options.features;
    mean = mean * share;
    mean.backward();
    return {leaf.grad(), mean.detach(), (logits.argmax(1) == samples.labels).sum()};
  }

  void step(const LabelledImages &images, double rate, uint64_t seed, const Forward &forward, const Teacher &teacher) {
    std::mt19937_64 random(seed);
    torch::manual_seed(random());
    int64_t size = images.labels.size();
    Samples samples{pixels(images, 0, size), {}, labels(images, 0, size)};
    double share = mix(samples.images, random);
    double off = options.smoothing / classes;
    samples.targets = at::full({size, classes}, off, floats());
    samples.targets.scatter_add_(1, samples.labels.unsqueeze(1), at::full({size, 1}, 1 - options.smoothing, floats()));
    if (share < 1)
      samples.targets = samples.targets * share + samples.targets.flip(0) * (1 - share);

    std::vector<Contribution> parts(std::clamp<int64_t>(llvm::divideCeil(size, kPartImages), 1, largestParts));
    std::vector<uint64_t> seeds(parts.size());
    std::generate(seeds.begin(), seeds.end(), std::ref(random));
    workers->forEach(parts.size(), [&](int64_t i) {
      std::optional<autograd::RandomScope> randomness;
      if (device.is_cpu())
        randomness.emplace(seeds[i]);
      int64_t begin = size * i / parts.size(), end = size * (i + 1) / parts.size();
      parts[i] = learn(samples.slice(begin, end), double(end - begin) / size, forward, teacher);
    });
    Contribution sum = parts.front();
    for (const Contribution &part : llvm::drop_begin(parts)) {
      sum.gradient.add_(part.gradient);
      sum.loss = sum.loss + part.loss;
      sum.correct = sum.correct + part.correct;
    }
    weights->update(sum.gradient, rate, *workers);
    loss.add_(sum.loss.to(at::kDouble) * double(size));
    correct.add_(sum.correct);
    at::Tensor never = at::full({}, std::numeric_limits<int64_t>::max(), badStep.options());
    badStep = at::minimum(badStep,
                          at::where(at::isfinite(sum.loss), never, at::full({}, weights->steps(), badStep.options())));
    count += size;
  }

  /// Calls `visit` with the logits of each batch of `images`, in their order.
  template <typename Visit>
  void forEachBatch(const LabelledImages &images, int64_t batch, const Forward &forward, Visit visit) {
    int64_t size = images.labels.size();
    std::vector<at::Tensor> logits(llvm::divideCeil(size, batch));
    auto rangeOf = [&](int64_t i) { return std::pair(i * batch, std::min((i + 1) * batch, size)); };
    workers->forEach(logits.size(), [&](int64_t i) {
      at::NoGradGuard noGrad;
      Autocast autocast(device.type(), options.isBfloat16);
      auto [begin, end] = rangeOf(i);
      at::Tensor input = pixels(images, begin, end);
      logits[i] = unwrap(forward(autograd::wrap(input), weights->split(weights->average())).logits).to(at::kFloat);
    });
    for (auto [i, each] : llvm::enumerate(logits)) {
      auto [begin, end] = rangeOf(i);
      visit(begin, end, each);
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
  if (options.device == Device::cuda) {
    if (!at::globalContext().hasCUDA() || !torch::cuda::is_available())
      return makeError(llvm::Twine("expected a LibTorch with CUDA and a GPU for the device 'cuda', found LibTorch ") +
                       libTorchVersion() + " without");
    impl->device = at::Device(at::kCUDA, 0);
    at::globalContext().setAllowTF32CuBLAS(!options.isDeterministic);
  }
  llvm::Error error = autograd::guarded([&] {
    at::globalContext().setDeterministicAlgorithms(options.isDeterministic, /*warn_only=*/true);
    impl->weights.emplace(weights, options, impl->device);
    impl->clearMetrics();
    if (impl->device.is_cpu())
      impl->largestParts = std::max<int64_t>(kLargestGradients / impl->weights->values().nbytes(), 1);
    // Threads for which there are no parts help in operations.
    int64_t workers = std::min(impl->largestParts, options.threads);
    at::set_num_threads(static_cast<int>(options.threads / workers)); // which new threads read
    impl->workers.emplace(workers);
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

std::vector<float> Learner::average() const { return toVector(impl->weights->average()); }

LearnerState Learner::state() const { return impl->weights->state(); }
void Learner::restore(const LearnerState &state) { impl->weights->restore(state); }

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
  return autograd::wrap(upload(values, impl->device).view(at::IntArrayRef(shape.data(), shape.size())));
}

std::string libTorchVersion() { return TORCH_VERSION; }

} // namespace vitya
