// One function for each kind of step. They follow the importer, with the sizes of the options in the place of shapes.
#include "frontend/layout/ModelMaker.h"
#include "dialect/support/Errors.h"
#include "frontend/layout/InitialValues.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <utility>

using namespace llvm;

namespace vitya {

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

/// As in BERT and DeiT.
static constexpr double kLinearStd = 0.02;

/// Adds a layer from `columns` to `out` columns, which becomes the width of the tokens. `weight` returns its matrix
/// [out, in] if that is not random.
Error ModelMaker::addLinear(const Layer &layer, int64_t out, function_ref<std::vector<float>()> weight) {
  int64_t in = columns;
  double deviation = patch > 0 ? 1 / std::sqrt(static_cast<double>(in)) : kLinearStd;
  SmallVector<int64_t> shape = {out, in};
  if (isKernel)
    shape = {out, options.channels, patch, patch};
  if (layer.isTransposed)
    shape = {in, out};
  auto stored = [&](int64_t) {
    std::vector<float> values = weight();
    if (!layer.isTransposed)
      return values;
    std::vector<float> transposed(values.size());
    for (int64_t row = 0; row < out; ++row)
      for (int64_t column = 0; column < in; ++column)
        transposed[column * out + row] = values[row * in + column];
    return transposed;
  };
  patch = 0;
  isKernel = false;
  columns = out;
  if (Error error = weight ? tensors.add(layer.weight.name, shape, stored)
                           : tensors.addRandom(layer.weight.name, shape, deviation))
    return error;
  if (Error error = addBias(layer, out))
    return error;
  if (!choices.has(layer.scale))
    return Error::success();
  used.layerScale = true;
  constexpr double kLayerScale = 1e-5;
  return tensors.addConstant(layer.scale->name, {out}, options.layerScale.value_or(kLayerScale));
}

Error ModelMaker::addNorm(const Layer &layer, int64_t width) {
  isKernel = false;
  if (Error error = tensors.addConstant(layer.weight.name, {width}, 1))
    return error;
  return layer.bias ? tensors.addConstant(layer.bias->name, {width}, 0) : Error::success();
}

/// Adds a tensor of tokens or positions and returns its number of rows, which is 0 if the model does not have it.
Expected<int64_t> ModelMaker::addTokens(const std::optional<TensorName> &name, int64_t rows) {
  if (!choices.has(name) || rows == 0)
    return 0;
  SmallVector<int64_t> shape = {1, rows, columns};
  auto found = layout.newModel.ranks.find(name->name);
  if (found != layout.newModel.ranks.end())
    shape.erase(shape.begin(), shape.end() - found->second);
  if (Error error = tensors.addRandom(name->name, shape, options.positionStd))
    return std::move(error);
  return rows;
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

Error ModelMaker::checkWidth(StringRef what) const {
  if (columns == options.width)
    return Error::success();
  return makeError("expected {0} to read tokens of the width {1} of the new model, found {2}{3}", what, options.width,
                   columns, convolutions > 0 ? " from the last convolution of the stem" : "");
}

static bool hasLinear(const Step &step) {
  auto *product = std::get_if<ProductStep>(&step.step);
  return std::holds_alternative<LinearStep>(step.step) ||
         (product && any_of(product->branches, [](const Steps &branch) { return any_of(branch, hasLinear); }));
}

/// Steps of a block, or those of the model or of a branch of an `average`. The last linear layer has results of the
/// width `last`, the others of `inner`, and twice that in front of a `swiglu`. Those in front of the first pool make
/// tokens, those after it logits.
Error ModelMaker::addSteps(const Steps &steps, std::optional<Widths> block) {
  Steps present = choices.choose(steps);
  auto behindLast = find_if(reverse(present), hasLinear).base();
  for (auto [index, step] : enumerate(present)) {
    auto [inner, last] = block.value_or(Widths{options.width, isPooled ? options.classes : options.width});
    bool isLast = present.begin() + index + 1 == behindLast;
    used.hidden |= block && !isLast && hasLinear(step);
    Widths widths = {inner, isLast ? last : inner};
    auto *next = index + 1 < present.size() ? std::get_if<ActivationStep>(&present[index + 1].step) : nullptr;
    if (next && next->kind == Activation::swiglu)
      widths.last *= 2;
    if (Error error = std::visit([&](const auto &kind) { return addStep(kind, widths); }, step.step))
      return error;
  }
  return Error::success();
}

Error ModelMaker::addStep(const PatchifyStep &step, Widths) {
  // A convolution of a stem may be the first step of a repetition.
  const Steps present = choices.choose(layout.steps);
  const Step *first = present.size() > 1 ? &present[1] : nullptr;
  while (first && std::holds_alternative<RepeatStep>(first->step))
    first = &std::get<RepeatStep>(first->step).steps.front();
  int64_t size = 1;
  if (!first || !std::holds_alternative<ConvolutionStep>(first->step)) {
    constexpr int64_t kPatch = 4;
    patch = size = options.patch.value_or(kPatch);
    isKernel = step.order == PatchOrder::channel_row_column;
    used.patch = true;
  }
  if (options.image % size != 0)
    return makeError("expected an image that patches of {0}x{0} divide, found {1}x{1}", size, options.image);
  grid = {options.image / size, options.image / size};
  columns = options.channels * size * size;
  return Error::success();
}

Error ModelMaker::addStep(const ActivationStep &step, Widths) {
  if (step.kind == Activation::swiglu)
    columns /= 2;
  return Error::success();
}

Error ModelMaker::addStep(const AttentionStep &step, Widths) {
  if (Error error = checkWidth("attention '" + tensors.prefix + step.name + "'"))
    return error;
  int64_t width = options.width;
  if (step.latent) {
    isPooled = true;
    if (Error error = addTokens(step.latent, 1).takeError())
      return error;
  }
  bool isNearIdentity = options.nearIdentityAttention && choices.has(step.out) && !step.latent;
  used.attention |= isNearIdentity;
  // Computed when the first tensor needs it.
  std::optional<AttentionWeights> computed;
  auto weights = [&]() -> const AttentionWeights & {
    if (!computed) {
      NormalNumbers numbers(seed, tensors.prefix + step.name);
      computed = nearIdentityAttention(width, options.heads, isResidual, numbers);
    }
    return *computed;
  };
  auto add = [&](const Layer &layer, int64_t out, ArrayRef<std::vector<float> AttentionWeights::*> parts) {
    columns = width;
    auto values = [&] {
      std::vector<float> result;
      for (auto part : parts)
        append_range(result, weights().*part);
      return result;
    };
    return isNearIdentity ? addLinear(layer, out, values) : addLinear(layer, out);
  };
  constexpr auto kQuery = &AttentionWeights::query, kKey = &AttentionWeights::key, kValue = &AttentionWeights::value;
  const std::tuple<const std::optional<Layer> *, int64_t, std::vector<std::vector<float> AttentionWeights::*>>
      inputs[] = {{&step.fused, 3 * width, {kQuery, kKey, kValue}},
                  {&step.query, width, {kQuery}},
                  {&step.key, width, {kKey}},
                  {&step.value, width, {kValue}},
                  {&step.keyValue, 2 * width, {kKey, kValue}}};
  for (const auto &[layer, out, parts] : inputs)
    if (*layer)
      if (Error error = add(**layer, out, parts))
        return error;
  columns = width;
  for (const auto *norm : {&step.queryNorm, &step.keyNorm})
    if (choices.has(*norm))
      if (Error error = addNorm(**norm, width / options.heads))
        return error;
  return choices.has(step.out) ? add(*step.out, width, {&AttentionWeights::out}) : Error::success();
}

Error ModelMaker::addStep(const ResidualStep &step, Widths) {
  bool outer = std::exchange(isResidual, true);
  Error error = addSteps(step.steps, Widths{hidden, columns});
  isResidual = outer;
  return error;
}

Error ModelMaker::addStep(const RepeatStep &step, Widths) {
  std::string outer = tensors.prefix;
  auto [before, after] = StringRef(step.prefix).split("{i}");
  bool isStem = any_of(choices.choose(step.steps),
                       [](const Step &inner) { return std::holds_alternative<ConvolutionStep>(inner.step); });
  for (int64_t index = 0; isStem ? index == 0 || convolutions < options.stem.size() : index < options.depth; ++index) {
    tensors.prefix = (outer + before + Twine(index) + after + ".").str();
    if (Error error = addSteps(step.steps, Widths{hidden, options.width}))
      return error;
  }
  tensors.prefix = std::move(outer);
  return Error::success();
}

Error ModelMaker::addStep(const AverageStep &step, Widths) {
  int64_t before = columns;
  bool wasPooled = isPooled;
  for (const Steps &branch : step.branches) {
    columns = before;
    isPooled = wasPooled;
    if (Error error = addSteps(branch))
      return error;
  }
  return Error::success();
}

Error ModelMaker::addStep(const ProductStep &step, Widths widths) {
  int64_t before = columns;
  for (const Steps &branch : step.branches) {
    columns = before;
    if (Error error = addSteps(branch, widths))
      return error;
  }
  return Error::success();
}

/// A position embedding that can be computed is left out unless it is chosen.
Error ModelMaker::addStep(const TokensStep &step, Widths) {
  if (Error error = checkWidth("step 'tokens'"))
    return error;
  const std::pair<const std::optional<TensorName> *, int64_t> tokens[] = {
      {&step.classToken, 1}, {&step.distillation, 1}, {&step.registers, options.registers}};
  used.registers |= step.registers.has_value();
  std::optional<TensorName> registers = step.registers;
  if (registers && !registers->optional && options.registers == 0)
    return makeError("expected a number of registers '{0}' for a new model of layout '{1}', found 0", registers->name,
                     layout.name);
  int64_t covered = grid[0] * grid[1];
  for (auto [name, rows] : tokens) {
    bool isRegisters = name == &step.registers;
    // The number of registers says whether there are any.
    std::optional<TensorName> required = *name;
    if (required && isRegisters)
      required->optional = false;
    Expected<int64_t> added = addTokens(required, rows);
    if (!added)
      return added.takeError();
    bool isCovered =
        isRegisters ? layout.newModel.covered == CoveredTokens::all : layout.newModel.covered != CoveredTokens::none;
    covered += isCovered ? *added : 0;
  }
  bool isComputed = step.sinusoidal && !choices.isChosen(step.position->name);
  return isComputed ? Error::success() : addTokens(step.position, covered).takeError();
}

Error ModelMaker::addStep(const PoolStep &step, Widths) {
  isPooled = true;
  if (step.pool == Pool::classAndMean)
    columns *= 2;
  int64_t width = columns;
  Error error = step.weights ? addLinear(*step.weights, 1) : Error::success();
  columns = width;
  return error;
}

/// Moves a window over the grid of patches.
Error ModelMaker::moveWindow(StringRef name, Sizes window, const WindowStep &step) {
  for (size_t axis = 0; axis < grid.size(); ++axis) {
    int64_t room = grid[axis] + 2 * step.padding[axis] - window[axis];
    if (room < 0)
      return makeError("expected an image that is large enough for all windows of the stem, found {0}x{0}, of which "
                       "{1}x{2} are left for a window of '{3}' of {4}x{5}",
                       options.image, grid[0], grid[1], tensors.prefix + name, window[0], window[1]);
    grid[axis] = room / step.stride[axis] + 1;
  }
  return Error::success();
}

Error ModelMaker::addStep(const ConvolutionStep &step, Widths) {
  const Layer &layer = step.layer;
  std::string name = tensors.prefix + layer.name;
  if (!step.kernel)
    return makeError("expected the key 'kernel' of convolution '{0}' in layout '{1}' for a new model, found none", name,
                     layout.name);
  if (convolutions == options.stem.size())
    return makeError("expected the output channels of convolution '{0}' and all others of layout '{1}' as 'stem', "
                     "found {2}",
                     name, layout.name, options.stem.size());
  int64_t in = columns, out = options.stem[convolutions++];
  auto [height, width] = *step.kernel;
  if (Error error = moveWindow(layer.name, *step.kernel, step))
    return error;
  columns = out;
  double deviation = std::sqrt(2 / static_cast<double>(in * height * width));
  if (!step.norm) {
    if (Error error = tensors.addRandom(layer.weight.name, {out, in, height, width}, deviation))
      return error;
    return addBias(layer, out);
  }
  // The names of a convolution into which the batch norm has been folded.
  if (Error error = tensors.addRandom(layer.name + ".weight", {out, in, height, width}, deviation))
    return error;
  return tensors.addConstant(layer.name + ".bias", {out}, 0);
}

} // namespace vitya
