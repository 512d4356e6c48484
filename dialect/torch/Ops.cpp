// Each function is a few calls of ATen. Functions that came with PyTorch 2 have a form for older versions.
#include "dialect/torch/Ops.h"
#include "dialect/arithmetic/Bf16.h"
#include "dialect/support/Errors.h"
#include "dialect/torch/TorchTensor.h"
#include <ATen/CPUGeneratorImpl.h>
#include <cmath>
#include <torch/version.h>

namespace vitya::autograd {
namespace {

at::IntArrayRef list(llvm::ArrayRef<int64_t> values) { return {values.data(), values.size()}; }

at::Tensor channelsFirst(const at::Tensor &input, const std::array<int64_t, 2> &grid) {
  return input.reshape({input.size(0), grid[0], grid[1], input.size(2)}).permute({0, 3, 1, 2});
}

/// [B, C, H, W] as tokens.
at::Tensor tokens(const at::Tensor &input) { return input.permute({0, 2, 3, 1}).flatten(1, 2); }

/// A vector on the device of `like`.
template <typename Number>
at::Tensor vector(llvm::ArrayRef<Number> values, const at::Tensor &like) {
  auto result = at::empty({int64_t(values.size())}, at::kDouble);
  std::copy(values.begin(), values.end(), result.template data_ptr<double>());
  return result.to(like.device(), at::kFloat);
}

/// `rounded` with the gradient of `input`.
at::Tensor straightThrough(const at::Tensor &input, const at::Tensor &rounded) {
  return input + (rounded - input).detach();
}

/// [B, N, heads * d] as [B, heads, N, d].
at::Tensor splitHeads(const at::Tensor &input, int64_t heads) {
  return input.reshape({input.size(0), input.size(1), heads, input.size(2) / heads}).transpose(1, 2);
}

/// Attention as one operation of LibTorch on a GPU, else none. On the CPU, the operation is slower than its parts: a
/// step of training in bfloat16 takes up to three times as long. `bias` may be undefined.
at::Tensor fusedAttention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &bias,
                          double scale) {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 1)
  if (!q.is_cpu())
    return bias.defined() ? at::scaled_dot_product_attention(q, k, v, bias.to(q.scalar_type()), 0.0, false, scale)
                          : at::scaled_dot_product_attention(q, k, v, {}, 0.0, false, scale);
#endif
  return {};
}

/// That of the RandomScope of this thread. If it is undefined, LibTorch uses its global one.
thread_local at::Generator generator;

} // namespace

RandomScope::RandomScope(uint64_t seed) { generator = at::make_generator<at::CPUGeneratorImpl>(seed); }
RandomScope::~RandomScope() { generator = {}; }

Tensor normalize(const Tensor &images, llvm::ArrayRef<float> mean, llvm::ArrayRef<float> std) {
  const at::Tensor &input = unwrap(images);
  auto channel = [&](llvm::ArrayRef<float> values) { return vector(values, input).view({-1, 1, 1}); };
  return wrap((input - channel(mean)) / channel(std));
}

Tensor patchify(const Tensor &images, int64_t height, int64_t width, const std::array<unsigned, 3> &dimensions) {
  const at::Tensor &input = unwrap(images);
  int64_t channels = input.size(1), gridHeight = input.size(2) / height, gridWidth = input.size(3) / width;
  at::Tensor split = input.reshape({input.size(0), channels, gridHeight, height, gridWidth, width});
  std::vector<int64_t> order{0, 2, 4};
  for (unsigned dimension : dimensions)
    order.push_back(2 * dimension + 1);
  at::Tensor patches = split.permute(order);
  return wrap(patches.reshape({input.size(0), gridHeight * gridWidth, channels * height * width}));
}

Tensor unfold(const Tensor &input, const Windows &windows) {
  const at::Tensor &from = unwrap(input);
  at::Tensor columns = at::im2col(channelsFirst(from, windows.grid).contiguous(), windows.window, {1, 1},
                                  windows.padding, windows.stride);
  int64_t pixels = windows.window[0] * windows.window[1];
  at::Tensor split = columns.view({from.size(0), from.size(2), pixels, columns.size(2)});
  return wrap(split.permute({0, 3, 2, 1}).reshape({from.size(0), columns.size(2), pixels * from.size(2)}));
}

Tensor convolution(const Tensor &input, const Windows &windows, const Tensor &weight, const Tensor *bias) {
  const at::Tensor &from = unwrap(input), &matrix = unwrap(weight);
  at::Tensor kernel =
      matrix.view({matrix.size(0), windows.window[0], windows.window[1], from.size(2)}).permute({0, 3, 1, 2});
  return wrap(tokens(at::conv2d(channelsFirst(from, windows.grid), kernel, bias ? unwrap(*bias) : at::Tensor(),
                                windows.stride, windows.padding)));
}

Tensor maxPool(const Tensor &input, const Windows &windows) {
  return wrap(tokens(
      at::max_pool2d(channelsFirst(unwrap(input), windows.grid), windows.window, windows.stride, windows.padding)));
}

Tensor linear(const Tensor &input, const Tensor &weight, const Tensor *bias) {
  return wrap(at::linear(unwrap(input), unwrap(weight), bias ? unwrap(*bias) : at::Tensor()));
}

Tensor layerNorm(const Tensor &input, const Tensor &weight, const Tensor &bias, double eps) {
  return wrap(at::layer_norm(unwrap(input), {unwrap(input).size(-1)}, unwrap(weight), unwrap(bias), eps));
}

Tensor rmsNorm(const Tensor &input, const Tensor &weight, double eps) {
  const at::Tensor &x = unwrap(input);
  return wrap(x * at::rsqrt(x.square().mean(-1, /*keepdim=*/true) + eps) * unwrap(weight));
}

Tensor rotaryEmbedding(const Tensor &input, const Tensor &cos, const Tensor &sin, int64_t heads, bool interleaved) {
  const at::Tensor &x = unwrap(input);
  int64_t tokens = x.size(-2), pairs = x.size(-1) / (2 * heads), dim = interleaved ? -1 : -2;
  at::Tensor halves = interleaved ? x.reshape({-1, tokens, heads, pairs, 2}) : x.reshape({-1, tokens, heads, 2, pairs});
  at::Tensor a = halves.select(dim, 0), b = halves.select(dim, 1);
  auto ofPairs = [&](const Tensor &angles) { return unwrap(angles).detach().reshape({tokens, -1, pairs}); };
  at::Tensor c = ofPairs(cos), s = ofPairs(sin);
  return wrap(at::stack({a * c - b * s, b * c + a * s}, dim).reshape(x.sizes()));
}

Tensor attention(const Tensor &query, const Tensor &key, const Tensor &value, int64_t heads, double scale,
                 const Tensor *bias, double weightScale) {
  bool isBatch = unwrap(query).dim() == 3;
  auto split = [&](const Tensor &tensor) {
    return splitHeads(isBatch ? unwrap(tensor) : unwrap(tensor).unsqueeze(0), heads);
  };
  at::Tensor q = split(query), k = split(key), v = split(value), added; // [B, heads, N, columns]
  if (bias)
    added = split(*bias).narrow(-1, 0, k.size(-2));
  at::Tensor result = weightScale > 0 ? at::Tensor() : fusedAttention(q, k, v, added, scale);
  if (!result.defined()) {
    at::Tensor scores = at::matmul(q * scale, k.transpose(-2, -1));
    if (bias)
      scores = scores + added;
    if (weightScale > 0) {
      at::Tensor weights = at::exp(scores - scores.amax(-1, true).detach());
      weights = at::fake_quantize_per_tensor_affine(weights, weightScale, 0, 0, 255);
      result = at::matmul(weights, v) / weights.sum(-1, true);
    } else {
      result = at::matmul(at::softmax(scores, -1), v);
    }
  }
  at::Tensor merged = result.transpose(1, 2).flatten(2);
  return wrap(isBatch ? merged : merged.squeeze(0));
}

Tensor gelu(const Tensor &input) { return wrap(at::gelu(unwrap(input))); }
Tensor geluTanh(const Tensor &input) { return wrap(at::gelu(unwrap(input), "tanh")); }
Tensor geluQuick(const Tensor &input) { return wrap(unwrap(input) * at::sigmoid(unwrap(input) * 1.702)); }
Tensor relu(const Tensor &input) { return wrap(at::relu(unwrap(input))); }
Tensor silu(const Tensor &input) { return wrap(at::silu(unwrap(input))); }

Tensor meanPool(const Tensor &input) { return wrap(unwrap(input).mean(-2, true)); }

Tensor add(const Tensor &a, const Tensor &b) { return wrap(unwrap(a) + unwrap(b)); }
Tensor subtract(const Tensor &a, const Tensor &b) { return wrap(unwrap(a) - unwrap(b)); }
Tensor multiply(const Tensor &a, const Tensor &b) { return wrap(unwrap(a) * unwrap(b)); }
Tensor divide(const Tensor &a, const Tensor &b) { return wrap(unwrap(a) / unwrap(b)); }

Tensor addBranch(const Tensor &input, const Tensor &branch, double keep) {
  const at::Tensor &from = unwrap(branch);
  std::vector<int64_t> shape(from.dim(), 1);
  shape.front() = from.size(0);
  at::Tensor kept = at::empty(shape, from.options()).bernoulli_(keep, generator).div_(keep);
  return wrap(at::addcmul(unwrap(input), from, kept));
}

Tensor dropPatches(const Tensor &tokens, int64_t special, double share) {
  const at::Tensor &from = unwrap(tokens);
  int64_t patches = from.size(1) - special, kept = std::max<int64_t>(std::llround(double(patches) * (1 - share)), 1);
  at::Tensor order = at::rand({from.size(0), patches}, generator, from.options().dtype(at::kFloat).requires_grad(false))
                         .argsort(int64_t(1), /*descending=*/false);
  at::Tensor chosen = (order.slice(1, 0, kept) + special).unsqueeze(-1).expand({-1, -1, from.size(2)});
  return wrap(at::cat({from.slice(1, 0, special), from.gather(1, chosen)}, 1));
}

Tensor expandBatch(const Tensor &input, int64_t batch) {
  std::vector<int64_t> shape = unwrap(input).sizes().vec();
  shape.insert(shape.begin(), batch);
  return wrap(unwrap(input).expand(shape));
}

static at::Tensor slice(at::Tensor source, Sizes offsets, Sizes sizes, Sizes strides) {
  for (size_t dim = 0; dim < offsets.size(); ++dim)
    if (offsets[dim] != 0 || sizes[dim] != source.size(dim) || strides[dim] != 1)
      source = source.slice(dim, offsets[dim], offsets[dim] + (sizes[dim] - 1) * strides[dim] + 1, strides[dim]);
  return source;
}

Tensor extractSlice(const Tensor &source, Sizes offsets, Sizes sizes, Sizes strides) {
  return wrap(slice(unwrap(source), offsets, sizes, strides));
}

std::vector<Tensor> splitColumns(const Tensor &source, Sizes sizes) {
  std::vector<Tensor> parts;
  for (at::Tensor &part : at::split_with_sizes(unwrap(source), list(sizes), -1))
    parts.push_back(wrap(std::move(part)));
  return parts;
}

Tensor insertSlice(const Tensor &source, const Tensor &destination, Sizes offsets, Sizes sizes, Sizes strides) {
  at::Tensor result = unwrap(destination).clone();
  slice(result, offsets, sizes, strides).copy_(unwrap(source).reshape(list(sizes)));
  return wrap(result);
}

Tensor concat(llvm::ArrayRef<Tensor> parts, int64_t dim) {
  std::vector<at::Tensor> tensors;
  for (const Tensor &part : parts)
    tensors.push_back(unwrap(part));
  return wrap(at::cat(tensors, dim));
}

Tensor reshape(const Tensor &input, Sizes shape) { return wrap(unwrap(input).reshape(list(shape))); }

Tensor roundToBf16(const Tensor &input) {
  const at::Tensor &from = unwrap(input);
  at::Tensor fixed = from.detach(), rounded = fixed.to(at::kBFloat16).to(fixed.scalar_type());
  return wrap(straightThrough(from, rounded.masked_fill(fixed.abs() < numerics::kLeastBf16, 0)));
}

Tensor fakeQuantize(const Tensor &input, double scale, int64_t zero, Levels levels) {
  return wrap(at::fake_quantize_per_tensor_affine(unwrap(input), scale, zero, levels.min, levels.max));
}

Tensor fakeQuantizeRows(const Tensor &weight, llvm::ArrayRef<double> scales, Levels levels) {
  const at::Tensor &from = unwrap(weight);
  if (scales.size() == 1)
    return fakeQuantize(weight, scales.front(), 0, levels);
  at::Tensor zeros = at::zeros({int64_t(scales.size())}, from.options().dtype(at::kInt));
  return wrap(at::fake_quantize_per_channel_affine(from, vector(scales, from), zeros, 0, levels.min, levels.max));
}

Tensor fakeQuantizeDynamic(const Tensor &input, bool isOfToken, int64_t levels) {
  const at::Tensor &from = unwrap(input);
  at::Tensor fixed = from.detach();
  std::vector<int64_t> dims = isOfToken ? std::vector<int64_t>{-1} : std::vector<int64_t>{-2, -1};
  at::Tensor low = fixed.amin(dims, true).clamp_max(0), high = fixed.amax(dims, true).clamp_min(0);
  at::Tensor scale = ((high - low) / double(levels)).clamp_min(0x1p-126);
  at::Tensor zero = at::round(-low / scale).clamp(0, levels);
  at::Tensor rounded = (at::round(fixed * (1 / scale)) + zero).clamp(0, levels);
  return wrap(straightThrough(from, (rounded - zero) * scale));
}

Tensor roundToMultiples(const Tensor &values, llvm::ArrayRef<double> steps) {
  return roundToMultiples(values, wrap(vector(steps, unwrap(values))));
}

Tensor roundToMultiples(const Tensor &values, const Tensor &steps) {
  const at::Tensor &from = unwrap(values);
  at::Tensor step = unwrap(steps).detach();
  return wrap(straightThrough(from, at::round(from.detach() / step) * step));
}

constexpr double kLargestLogarithm = 80;

Tensor learnedScales(const Tensor &logarithms, int64_t count, Levels levels) {
  at::Tensor scales = at::exp(unwrap(logarithms).clamp(-kLargestLogarithm, kLargestLogarithm));
  at::Tensor share = scales / std::sqrt(double(count) * double(levels.max));
  return wrap(share + (scales - share).detach());
}

std::vector<double> scalesOf(llvm::ArrayRef<float> logarithms) {
  std::vector<double> scales;
  for (float logarithm : logarithms)
    scales.push_back(std::exp(std::clamp<float>(logarithm, -kLargestLogarithm, kLargestLogarithm)));
  return scales;
}

Tensor fakeQuantize(const Tensor &input, const Tensor &scales, int64_t zero, Levels levels) {
  at::Tensor scale = unwrap(scales).view({-1, 1});
  at::Tensor clipped = (unwrap(input) * scale.reciprocal()).clamp(levels.min - zero, levels.max - zero);
  return wrap(straightThrough(clipped, at::round(clipped.detach())) * scale);
}

int64_t batchOf(const Tensor &tensor) { return unwrap(tensor).size(0); }

Tensor makeTensor(Sizes shape, llvm::ArrayRef<float> elements) {
  return wrap(at::from_blob(const_cast<float *>(elements.data()), list(shape), at::kFloat).clone());
}

std::vector<float> elementsOf(const Tensor &tensor) {
  at::Tensor host = unwrap(tensor).detach().to(at::kCPU, at::kFloat).contiguous();
  auto *data = host.data_ptr<float>();
  return std::vector<float>(data, data + host.numel());
}

llvm::Error guarded(llvm::function_ref<void()> compute) {
  auto fail = [](llvm::StringRef message) {
    return makeError("expected LibTorch to compute, found: {0}", message.split('\n').first);
  };
  try {
    compute();
    return llvm::Error::success();
  } catch (const c10::Error &error) {
    return fail(error.what_without_backtrace());
  } catch (const std::exception &error) {
    return fail(error.what());
  }
}

} // namespace vitya::autograd
