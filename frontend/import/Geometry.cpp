// Infers the size of a patch from the first layer, then the size of the image.
#include "frontend/import/Geometry.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace vitya {

std::optional<int64_t> integerRoot(int64_t number) {
  if (number <= 0)
    return std::nullopt;
  auto root = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(number))));
  return root * root == number ? std::optional(root) : std::nullopt;
}

std::optional<int64_t> rowsOf(ArrayRef<int64_t> shape, int64_t width) {
  if (shape.empty() || shape.back() != width ||
      llvm::any_of(shape.drop_back(std::min<size_t>(shape.size(), 2)), [](int64_t size) { return size != 1; }))
    return std::nullopt;
  return shape.size() == 1 ? 1 : shape[shape.size() - 2];
}

/// The convolution that reads the pixels, if the model begins with one.
static const ConvolutionStep *firstConvolution(const Steps &steps) {
  return steps.size() > 1 ? std::get_if<ConvolutionStep>(&steps[1].step) : nullptr;
}

/// The layer that reads the patches: its weight has one column for each pixel of a patch.
static const Layer *firstLayer(const Steps &steps) {
  for (const Step &step : steps) {
    if (auto *linear = std::get_if<LinearStep>(&step.step))
      return &linear->layer;
    if (auto *norm = std::get_if<NormStep>(&step.step))
      return &norm->layer;
    if (!std::holds_alternative<PatchifyStep>(step.step))
      return nullptr;
  }
  return nullptr;
}

/// Infers channels and the size of a patch from tensor `weight`.
static Error inferPatch(const TensorName &weight, const Weights &weights, const Settings &settings, Geometry &result) {
  ArrayRef<int64_t> shape = weights.tensor(weight).shape;
  if (shape.size() == 4) {
    result.channels = shape[1];
    result.patchHeight = shape[2];
    result.patchWidth = shape[3];
    return weights.checkShape(weight, llvm::all_of(shape, [](int64_t size) { return size > 0; }),
                              "[width, channels, patch height, patch width]");
  }
  // A matrix gives only the number of pixels.
  result.channels = settings.mean.value.size();
  int64_t pixels = shape.empty() ? 0 : shape.back();
  std::optional<int64_t> side = pixels % result.channels == 0 ? integerRoot(pixels / result.channels) : std::nullopt;
  if (!side)
    return makeError("expected tensor '{0}' to be as wide as a square patch of {1} channels, found shape {2}",
                     weight.name, result.channels, formatShape(shape));
  result.patchHeight = result.patchWidth = *side;
  return Error::success();
}

/// Takes the size of the image from the setting.
static Error readImageSize(const Settings &settings, Geometry &result) {
  result.height = settings.image.value[0];
  result.width = settings.image.value[1];
  result.source = settings.image.source;
  if (result.height % result.patchHeight == 0 && result.width % result.patchWidth == 0)
    return Error::success();
  return makeError("expected an image that patches of {0}x{1} divide, found {2}x{3}", result.patchHeight,
                   result.patchWidth, result.height, result.width);
}

/// The rows of `name`, or 0 if there is no such tensor.
static int64_t countRows(const std::optional<TensorName> &name, const Weights &weights) {
  ArrayRef<int64_t> shape = name ? weights.tensor(*name).shape : ArrayRef<int64_t>();
  return shape.empty() ? 0 : rowsOf(shape, shape.back()).value_or(0);
}

/// Infers the size of the image from the position embedding, which has one row for each patch of a square grid and more
/// if it includes the class token or other tokens.
static Error inferImageSize(const Steps &steps, const Weights &weights, Geometry &result) {
  const TokensStep *tokens = nullptr;
  for (const Step &step : steps)
    if (auto *candidate = std::get_if<TokensStep>(&step.step);
        candidate && candidate->position && !candidate->sinusoidal && !tokens)
      tokens = candidate;
  if (!tokens)
    return makeError("expected the size of the image, found no position embedding that tells it: give it with --set "
                     "image=HEIGHT,WIDTH");
  ArrayRef<int64_t> position = weights.tensor(*tokens->position).shape;
  int64_t rows = position.size() < 2 ? 0 : position[position.size() - 2], before = 0;
  std::optional<int64_t> side = integerRoot(rows);
  if (side.value_or(1) > 1 && countRows(tokens->classToken, weights) > 0)
    result.doubt = llvm::formatv("the {0} rows of '{1}' are those of {2}x{2} patches; {3} patches and the class token "
                                 "have as many, in an image that is not square",
                                 rows, tokens->position->name, *side, rows - 1);
  for (const auto *name : {&tokens->classToken, &tokens->distillation, &tokens->registers})
    if (!side) {
      before += countRows(*name, weights);
      side = integerRoot(rows - before);
    }
  if (!side)
    return makeError("expected a position embedding for a square image, found shape {0}: give the size of the image "
                     "with --set image=HEIGHT,WIDTH",
                     formatShape(position));
  result.height = *side * result.patchHeight;
  result.width = *side * result.patchWidth;
  result.source = SettingSource::guess;
  return Error::success();
}

Expected<Geometry> inferGeometry(const Steps &steps, const Weights &weights, const Settings &settings) {
  const ConvolutionStep *convolution = firstConvolution(steps);
  const Layer *first = firstLayer(steps);
  if (!first && !convolution)
    return makeError("expected a layout with a linear layer or a norm after the patches, found none");
  if (settings.mean.value.empty() || settings.std.value.empty())
    return makeError("expected the mean and the standard deviation of each channel, found none in the file and in the "
                     "layout: give them with --set mean=R,G,B --set std=R,G,B (0,0,0 and 1,1,1 for pixels in [0, 1])");
  Geometry result = {};
  if (convolution) {
    ArrayRef<int64_t> shape = weights.tensor(convolution->layer.weight).shape;
    result.channels = shape.size() == 4 ? shape[1] : settings.mean.value.size();
    result.patchHeight = result.patchWidth = 1;
  } else if (Error error = inferPatch(first->weight, weights, settings, result)) {
    return std::move(error);
  }
  auto channels = static_cast<size_t>(result.channels);
  size_t means = settings.mean.value.size(), deviations = settings.std.value.size();
  if (means != channels || deviations != channels)
    return makeError("expected one mean and one std for each of {0} channels, found {1} and {2}", channels, means,
                     deviations);
  bool isGiven = !settings.image.value.empty();
  if (convolution && !isGiven)
    return makeError("expected the size of the image, which the weights of convolution '{0}' do not tell: give it with "
                     "--set image=HEIGHT,WIDTH",
                     convolution->layer.name);
  if (Error error = isGiven ? readImageSize(settings, result) : inferImageSize(steps, weights, result))
    return std::move(error);
  return result;
}

} // namespace vitya
