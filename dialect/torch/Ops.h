// The ops of the phases `import` and `compress` as differentiable functions of LibTorch, on a batch of images at once:
// dialect/reference/Ops.h has the same functions on one image. B is the number of images. A tensor that depends on no
// image, such as a weight, has no dimension B; functions state where they accept one.
//
// Quantized tensors are fake-quantized: they hold the f32 values that their integers stand for. The gradient of
// rounding is that of the identity (the straight-through estimator, arXiv 1308.3432), and 0 where a value was clipped.
#ifndef VITYA_DIALECT_TORCH_OPS_H
#define VITYA_DIALECT_TORCH_OPS_H

#include "dialect/torch/Tensor.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"
#include <array>
#include <cstdint>
#include <vector>

namespace vitya::autograd {

using Sizes = llvm::ArrayRef<int64_t>;

//===----------------------------------------------------------------------===//
// From images to tokens
//===----------------------------------------------------------------------===//

/// `images` [B, C, H, W] with `mean[c]` subtracted and divided by `std[c]`.
Tensor normalize(const Tensor &images, llvm::ArrayRef<float> mean, llvm::ArrayRef<float> std);

/// The patches of `images` [B, C, H, W]: [B, N, C * height * width]. The dimensions of a pixel inside a patch, 0 the
/// channel, 1 the row and 2 the column, are in the order of `dimensions`.
Tensor patchify(const Tensor &images, int64_t height, int64_t width, const std::array<unsigned, 3> &dimensions);

//===----------------------------------------------------------------------===//
// Windows of pixels
//===----------------------------------------------------------------------===//

/// Heights and widths, as those of `vitya.unfold`.
struct Windows {
  std::array<int64_t, 2> grid, window, stride, padding;
};

/// The windows of `input` [B, H * W, C]: [B, H' * W', kh * kw * C].
Tensor unfold(const Tensor &input, const Windows &windows);

/// `linear(unfold(input, windows), weight, bias)` as one convolution, without the windows in memory.
Tensor convolution(const Tensor &input, const Windows &windows, const Tensor &weight, const Tensor *bias);

/// The maxima of the windows of `input` [B, H * W, C]: [B, H' * W', C].
Tensor maxPool(const Tensor &input, const Windows &windows);

//===----------------------------------------------------------------------===//
// Layers. Tokens are [B, N, D] or, if they depend on no image, [N, D].
//===----------------------------------------------------------------------===//

/// `input` times the transpose of `weight` [O, I], plus `bias` [O] unless it is null.
Tensor linear(const Tensor &input, const Tensor &weight, const Tensor *bias);

Tensor layerNorm(const Tensor &input, const Tensor &weight, const Tensor &bias, double eps);

/// `input` divided by the root of the mean of the squares of each token plus `eps`, times `weight` [D].
Tensor rmsNorm(const Tensor &input, const Tensor &weight, double eps);

/// `input` [B, N, D] or [N, D] with pairs of columns of each head rotated. `cos` and `sin` are [N, P] or [N, heads *
/// P], where a head has P pairs, and get no gradients.
Tensor rotaryEmbedding(const Tensor &input, const Tensor &cos, const Tensor &sin, int64_t heads, bool interleaved);

/// softmax(scale * query key^T + bias) value for each of `heads` groups of columns; all four have the dimension B, or
/// none. `bias` may be null. If `weightScale` is positive, the exponentials of a row are
/// fake-quantized with it, as `vitya.attention` says.
Tensor attention(const Tensor &query, const Tensor &key, const Tensor &value, int64_t heads, double scale,
                 const Tensor *bias = nullptr, double weightScale = 0);

Tensor gelu(const Tensor &input);
Tensor geluTanh(const Tensor &input);
Tensor geluQuick(const Tensor &input);
Tensor relu(const Tensor &input);
Tensor silu(const Tensor &input);

/// The mean of all tokens: [B, 1, D] or [1, D].
Tensor meanPool(const Tensor &input);

//===----------------------------------------------------------------------===//
// Elements and shapes
//===----------------------------------------------------------------------===//

Tensor add(const Tensor &a, const Tensor &b);
Tensor subtract(const Tensor &a, const Tensor &b);
Tensor multiply(const Tensor &a, const Tensor &b);
Tensor divide(const Tensor &a, const Tensor &b);

/// `input` + `branch` [B, ...], in which each image keeps its branch with probability `keep`, divided by `keep`, or has
/// none (stochastic depth, arXiv 1603.09382).
Tensor addBranch(const Tensor &input, const Tensor &branch, double keep);

/// `tokens` [B, N, D] without the share `share` of the N - special patches, which each image draws at random
/// (PatchDropout, arXiv 2208.07220). The special tokens come first and stay. At least one patch stays.
Tensor dropPatches(const Tensor &tokens, int64_t special, double share);

/// `input`, which has no dimension B, repeated for `batch` images.
Tensor expandBatch(const Tensor &input, int64_t batch);

/// The rectangle of `source` at `offsets`, as far as `source` has it; entry i counts along dimension i.
Tensor extractSlice(const Tensor &source, Sizes offsets, Sizes sizes, Sizes strides);
/// The parts of `source`, which have these sizes along the last dimension and follow each other. The gradient of the
/// whole is put together once, where that of several slices is a sum.
std::vector<Tensor> splitColumns(const Tensor &source, Sizes sizes);
/// `destination` with that rectangle replaced by `source`, which is reshaped.
Tensor insertSlice(const Tensor &source, const Tensor &destination, Sizes offsets, Sizes sizes, Sizes strides);
Tensor concat(llvm::ArrayRef<Tensor> parts, int64_t dim);
Tensor reshape(const Tensor &input, Sizes shape);

/// `input` rounded as by `vitya.to_bf16`, with the gradient of the identity.
Tensor roundToBf16(const Tensor &input);

//===----------------------------------------------------------------------===//
// Fake quantization
//===----------------------------------------------------------------------===//

/// The integers of a quantized type.
struct Levels {
  int64_t min, max;
};

/// `input` rounded to the values (q - zero) * scale of the integers q in `levels`.
Tensor fakeQuantize(const Tensor &input, double scale, int64_t zero, Levels levels);
/// `weight` [O, I] rounded with one of `scales` [O], or one for all, for each row; zero is 0.
Tensor fakeQuantizeRows(const Tensor &weight, llvm::ArrayRef<double> scales, Levels levels);
/// `input` rounded with the scale and the zero point of the range of each token, or of all tokens of an image together,
/// as `vitya.choose_qparams` and `vitya.quantize` do with levels from 0 to `levels`.
Tensor fakeQuantizeDynamic(const Tensor &input, bool isOfToken, int64_t levels);

/// Each of `values` [O] rounded to a multiple of one of `steps` [O].
Tensor roundToMultiples(const Tensor &values, llvm::ArrayRef<double> steps);
Tensor roundToMultiples(const Tensor &values, const Tensor &steps);

//===----------------------------------------------------------------------===//
// Learned scales (arXiv 1902.08153)
//===----------------------------------------------------------------------===//

/// The scales with the logarithms `logarithms` [O] or [1], each of which is that of `count` elements with integers in
/// `levels`. The gradient of a scale is multiplied by 1 / sqrt(count * levels.max).
Tensor learnedScales(const Tensor &logarithms, int64_t count, Levels levels);
/// The same scales as numbers. Logarithms are clamped to [-80, 80], so that scales and their reciprocals are normal.
std::vector<double> scalesOf(llvm::ArrayRef<float> logarithms);

/// `input` rounded as above with `scales` [O], one for each row of a matrix [O, I], or [1], with a gradient for these:
/// round(x / s) - x / s where x is not clipped, and the level minus `zero` to which it is clipped elsewhere.
Tensor fakeQuantize(const Tensor &input, const Tensor &scales, int64_t zero, Levels levels);

//===----------------------------------------------------------------------===//
// Access
//===----------------------------------------------------------------------===//

/// Number of images in a tensor that has the dimension B.
int64_t batchOf(const Tensor &tensor);

/// A tensor with these elements, in row-major order, on the CPU.
Tensor makeTensor(Sizes shape, llvm::ArrayRef<float> elements);
/// The elements of `tensor` as f32, in row-major order.
std::vector<float> elementsOf(const Tensor &tensor);

/// While it exists, `addBranch` and `dropPatches` take random numbers from a generator that starts with `seed` and
/// belongs to the calling thread, if they run on the CPU, instead of from LibTorch's global one.
class RandomScope {
public:
  explicit RandomScope(uint64_t seed);
  ~RandomScope();
  RandomScope(const RandomScope &) = delete;
  RandomScope &operator=(const RandomScope &) = delete;
};

/// Calls `compute`. An exception of LibTorch, such as that of memory, becomes an error.
llvm::Error guarded(llvm::function_ref<void()> compute);

} // namespace vitya::autograd

#endif // VITYA_DIALECT_TORCH_OPS_H
