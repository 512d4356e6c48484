// Infers the size of a patch from the first layer, then the size of the image.
#include "frontend/import/Geometry.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace vitya {

/// The square root of `number`, if it is an integer.
static std::optional<int64_t> integerRoot(int64_t number) {
  auto root = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(number))));
  return root > 0 && root * root == number ? std::optional(root) : std::nullopt;
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

/// Infers the size of the image from the position embedding, which has one row for each patch of a square grid and one
/// more if it includes the class token.
static Error inferImageSize(const Steps &steps, const Weights &weights, Geometry &result) {
  const TokensStep *tokens = nullptr;
  for (const Step &step : steps)
    if (auto *candidate = std::get_if<TokensStep>(&step.step); candidate && candidate->position && !tokens)
      tokens = candidate;
  if (!tokens)
    return makeError("expected the size of the image, found no position embedding that tells it: give it with --set "
                     "image=HEIGHT,WIDTH");
  ArrayRef<int64_t> position = weights.tensor(*tokens->position).shape;
  int64_t rows = position.size() < 2 ? 0 : position[position.size() - 2];
  std::optional<int64_t> side = integerRoot(rows);
  if (side.value_or(1) > 1 && tokens->classToken)
    result.doubt = llvm::formatv("the {0} rows of '{1}' are those of {2}x{2} patches; {3} patches and the class token "
                                 "have as many, in an image that is not square",
                                 rows, tokens->position->name, *side, rows - 1);
  if (!side && tokens->classToken)
    side = integerRoot(rows - 1);
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
  const Layer *first = firstLayer(steps);
  if (!first)
    return makeError("expected a layout with a linear layer or a norm behind the patches, found none");
  if (settings.mean.value.empty() || settings.std.value.empty())
    return makeError("expected the mean and the standard deviation of each channel, found none in the file and in the "
                     "layout: give them with --set mean=R,G,B --set std=R,G,B (0,0,0 and 1,1,1 for pixels in [0, 1])");
  Geometry result = {};
  if (Error error = inferPatch(first->weight, weights, settings, result))
    return std::move(error);
  auto channels = static_cast<size_t>(result.channels);
  size_t means = settings.mean.value.size(), deviations = settings.std.value.size();
  if (means != channels || deviations != channels)
    return makeError("expected one mean and one std for each of {0} channels, found {1} and {2}", channels, means,
                     deviations);
  bool isGiven = !settings.image.value.empty();
  if (Error error = isGiven ? readImageSize(settings, result) : inferImageSize(steps, weights, result))
    return std::move(error);
  return result;
}

} // namespace vitya
