// Operators on windows of pixels: patch embeddings, and the convolutions, batch norms and pooling of stems.
#include "frontend/graph/Converter.h"
#include "frontend/layout/FoldBatchNorm.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace vitya {

/// Reads the windows of `kernel` pixels of `image` [1, channels, height, width].
FailureOr<Converter::Windows> Converter::windows(const View &image, ArrayRef<int64_t> kernel, Sizes defaultStride) {
  auto pair = [&](StringRef name, Sizes fallback) -> FailureOr<Sizes> {
    FailureOr<SmallVector<int64_t>> given = integers(name, SmallVector<int64_t>(fallback.begin(), fallback.end()));
    if (failed(given))
      return failure();
    if (given->empty())
      return fallback;
    if (given->size() > 2)
      return emitter.fail("expected at most two sizes as argument '{0}', found {1}", name, given->size());
    return Sizes{given->front(), given->back()};
  };
  if (image.map.rank() != 4 || image.map.size(0) != 1 || kernel.empty() || kernel.size() > 2)
    return emitter.fail("expected images [1, channels, height, width] and a kernel of two sizes, found others");
  FailureOr<Sizes> stride = pair("stride", defaultStride), padding = pair("padding", {0, 0}),
                   dilation = pair("dilation", {1, 1});
  if (failed(stride) || failed(padding) || failed(dilation))
    return failure();
  Windows result{{image.map.size(2), image.map.size(3)}, {kernel.front(), kernel.back()}, *stride, *padding};
  if (*dilation != Sizes{1, 1} || flag("transposed", false) || flag("ceil_mode", false))
    return emitter.fail("expected windows without dilation, of a convolution that is not transposed and of pooling "
                        "without ceil_mode, found others");
  for (unsigned dim : {0, 1}) {
    int64_t size = result.grid[dim], window = result.window[dim], around = result.padding[dim];
    if (window <= 0 || result.stride[dim] <= 0 || around < 0 || around >= window || window - 2 * around > size)
      return emitter.fail("expected windows that fit the padded image, with positive strides and padding smaller than "
                          "the window, found a window of {0}, stride {1} and padding {2} on {3} pixels",
                          window, result.stride[dim], around, size);
  }
  return result;
}

/// The windows of `image`, which lie side by side and cover it, as [1, down, right, channels, kernel...].
FailureOr<View> Converter::cutPatches(const View &image, const Windows &windows) {
  auto [height, width] = windows.grid;
  auto [down, right] = windows.window;
  if (!windows.areSideBySide())
    return emitter.fail("expected windows side by side that cover the image, with stride equal to the kernel and "
                        "without padding, found others");
  FailureOr<View> cut = reshaped(image, {1, image.map.size(1), height / down, down, width / right, right});
  return failed(cut) ? cut : rearranged(*cut, cut->map.permute({0, 2, 4, 1, 3, 5}));
}

/// `tokens`, a row for each pixel of `grid`, as an image [1, channels, height, width].
FailureOr<View> Converter::imageOf(const View &tokens, std::array<int64_t, 2> grid) {
  FailureOr<View> image = reshaped(tokens, {1, grid[0], grid[1], tokens.map.size(1)});
  return failed(image) ? image : rearranged(*image, image->map.permute({0, 3, 1, 2}));
}

/// The pixels of an image [1, channels, height, width] as a matrix with a row for each pixel.
FailureOr<Value> Converter::pixels(const View &image) {
  int64_t channels = image.map.size(1);
  FailureOr<View> last = rearranged(image, image.map.permute({0, 2, 3, 1}));
  last = failed(last) ? last : reshaped(*last, {image.map.elements() / channels, channels});
  return failed(last) ? FailureOr<Value>(failure()) : emitter.matrix(*last);
}

/// A convolution of windows that lie side by side, whose pixels are the columns of patches.
FailureOr<View> Converter::embedPatches(const View &image, const Windows &windows, const View &weight,
                                        std::optional<View> bias) {
  FailureOr<View> patches = cutPatches(image, windows);
  if (failed(patches))
    return failure();
  SmallVector<int64_t> shape = patches->map.shape();
  int64_t out = weight.map.size(0);
  FailureOr<View> rows = reshaped(*patches, {shape[1] * shape[2], shape[3] * shape[4] * shape[5]}),
                  matrix = reshaped(weight, {out, weight.map.elements() / out});
  FailureOr<View> result =
      failed(rows) || failed(matrix) ? FailureOr<View>(failure()) : linearLayer(*rows, *matrix, bias);
  return failed(result) ? result : imageOf(*result, {shape[1], shape[2]});
}

FailureOr<Converter::Results> Converter::convolution() {
  FailureOr<View> input = view("input"), weight = view("weight");
  std::optional<View> bias = optionalView("bias");
  FailureOr<int64_t> groups = integer("groups", 1);
  if (failed(input) || failed(weight) || failed(groups))
    return failure();
  if (*groups != 1 || weight->map.rank() != 4 || !getSource<ConstantSource>(*weight))
    return emitter.fail("expected a convolution of images in one group with a constant kernel, found another");
  SmallVector<int64_t> kernel = weight->map.shape();
  FailureOr<Windows> read = windows(*input, ArrayRef(kernel).drop_front(2), {1, 1});
  if (failed(read))
    return failure();
  if (kernel[1] != input->map.size(1))
    return emitter.fail("expected a kernel for {0} channels, found {1}", input->map.size(1), kernel[1]);
  if (read->areSideBySide() && read->window != Sizes{1, 1}) {
    FailureOr<View> patches = embedPatches(*input, *read, *weight, bias);
    return failed(patches) ? FailureOr<Results>(failure()) : Results{*patches};
  }
  FailureOr<Value> tokens = pixels(*input);
  FailureOr<View> last = rearranged(*weight, weight->map.permute({0, 2, 3, 1}));
  FailureOr<View> matrix = failed(last) ? last : reshaped(*last, {kernel[0], weight->map.elements() / kernel[0]});
  if (failed(tokens) || failed(matrix))
    return failure();
  auto op = UnfoldOp::create(builder, emitter.location(node->module), *tokens, read->grid, read->window, read->stride,
                             read->padding);
  FailureOr<View> result = linearLayer(Emitter::tokens(op, op.getType().getShape()), *matrix, bias);
  result = failed(result) ? result : imageOf(*result, op.getResultGrid());
  return failed(result) ? FailureOr<Results>(failure()) : Results{*result};
}

FailureOr<Converter::Results> Converter::maxPool() {
  FailureOr<View> self = view("self");
  FailureOr<SmallVector<int64_t>> kernel = integers("kernel_size");
  if (failed(self) || failed(kernel) || kernel->empty())
    return failure();
  FailureOr<Windows> read = windows(*self, *kernel, {kernel->front(), kernel->back()});
  FailureOr<Value> tokens = failed(read) ? FailureOr<Value>(failure()) : pixels(*self);
  if (failed(tokens))
    return failure();
  auto op = MaxPoolOp::create(builder, emitter.location("max_pool"), *tokens, read->grid, read->window, read->stride,
                              read->padding);
  FailureOr<View> result = imageOf(Emitter::tokens(op, op.getType().getShape()), op.getResultGrid());
  return failed(result) ? FailureOr<Results>(failure()) : Results{*result};
}

/// A batch norm in evaluation mode: a factor and a summand of each channel, which become part of the layer before it.
FailureOr<Converter::Results> Converter::batchNorm() {
  FailureOr<View> input = view("input");
  if (failed(input))
    return failure();
  if (flag("training", false))
    return emitter.fail("expected a batch norm in evaluation mode, found one in training mode");
  if (input->map.rank() != 4)
    return emitter.fail(
        "expected a batch norm of images [1, channels, height, width], found a tensor of {0} dimensions",
        input->map.rank());
  int64_t channels = input->map.size(1);
  double eps = number("eps").value_or(1e-5);
  auto values = [&](StringRef name, float fallback) -> FailureOr<std::vector<float>> {
    std::optional<View> given = optionalView(name);
    if (!given)
      return std::vector<float>(channels, fallback);
    if (!getSource<ConstantSource>(*given) || given->map.elements() != channels)
      return emitter.fail("expected a constant '{0}' of {1} elements, found another", name, channels);
    return emitter.read(*given);
  };
  FailureOr<std::vector<float>> gamma = values("weight", 1), beta = values("bias", 0), mean = values("running_mean", 0),
                                variance = values("running_var", 1);
  if (failed(gamma) || failed(beta) || failed(mean) || failed(variance))
    return failure();
  llvm::Expected<ChannelAffine> affine = foldBatchNorm(*gamma, *beta, *mean, *variance, eps);
  if (!affine)
    return emitter.fail("{0}", llvm::toString(affine.takeError()));
  auto constant = [&](const std::string &name, ArrayRef<double> numbers) {
    return Emitter::makeConstant(name, {1, channels, 1, 1}, std::vector<float>(numbers.begin(), numbers.end()));
  };
  View factors = constant(node->module + ".factor", affine->factors);
  FailureOr<View> scaled = product(*input, factors);
  if (failed(scaled))
    return failure();
  auto *layer = getSource<LinearSource>(*scaled);
  View summands = constant((layer ? layer->name : node->module) + ".bias", affine->summands);
  FailureOr<View> result = sum(*scaled, summands);
  return failed(result) ? FailureOr<Results>(failure()) : Results{*result};
}

/// nn.Unfold: [1, channels * kernel, windows].
FailureOr<Converter::Results> Converter::unfoldImage() {
  FailureOr<View> self = view("self");
  FailureOr<SmallVector<int64_t>> kernel = integers("kernel_size");
  if (failed(self) || failed(kernel))
    return failure();
  FailureOr<Windows> read = windows(*self, *kernel, {1, 1});
  FailureOr<View> patches = failed(read) ? FailureOr<View>(failure()) : cutPatches(*self, *read);
  if (failed(patches))
    return failure();
  SmallVector<int64_t> shape = patches->map.shape();
  FailureOr<View> rows = reshaped(*patches, {1, shape[1] * shape[2], shape[3] * shape[4] * shape[5]});
  return failed(rows) ? FailureOr<Results>(failure()) : arranged(*rows, rows->map.permute({0, 2, 1}));
}

} // namespace vitya
