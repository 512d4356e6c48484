// Checks the options of a new model. The tensors are made by ModelMaker.
#include "frontend/layout/NewModel.h"
#include "dialect/support/Errors.h"
#include "frontend/layout/ModelMaker.h"
#include <cmath>

using namespace llvm;

namespace vitya {

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

/// Reports sizes and numbers that no model can have.
Error ModelMaker::checkOptions() const {
  constexpr int64_t kMaxSize = 1 << 20;
  const std::pair<StringLiteral, int64_t> sizes[] = {
      {"image", options.image}, {"channels", options.channels}, {"patch", options.patch.value_or(1)},
      {"width", options.width}, {"depth", options.depth},       {"heads", options.heads},
      {"hidden", hidden},       {"classes", options.classes},   {"registers", options.registers + 1}};
  for (auto [name, size] : sizes)
    if (size < 1 || size > kMaxSize)
      return makeError("expected a new model with a '{0}' from {1} to {2}, found {3}", name,
                       name == "registers" ? 0 : 1, kMaxSize, name == "registers" ? size - 1 : size);
  for (int64_t channels : options.stem)
    if (channels < 1 || channels > kMaxSize)
      return makeError("expected a 'stem' of numbers of channels from 1 to {0}, found {1}", kMaxSize, channels);
  if (options.width % options.heads != 0)
    return makeError("expected heads that divide the width of a new model, found {0} heads and width {1}",
                     options.heads, options.width);
  for (auto [name, value] :
       {std::pair("positionStd", options.positionStd), std::pair("layerScale", options.layerScale.value_or(0))})
    if (!std::isfinite(value) || value < 0)
      return makeError("expected a finite '{0}' that is not negative, found {1}", name, value);
  return Error::success();
}

/// Reports an option that had no effect.
Error ModelMaker::checkUse() const {
  const struct {
    bool isGiven, isUsed;
    StringLiteral option, missing;
  } uses[] = {
      {options.patch.has_value(), used.patch, "patch", "patches: it begins with a convolution"},
      {options.hidden.has_value(), used.hidden, "hidden", "MLP"},
      {options.registers > 0, used.registers, "registers", "registers"},
      {options.layerScale.has_value(), used.layerScale, "layerScale",
       "LayerScale (an optional tensor may have to be chosen)"},
      {options.nearIdentityAttention, used.attention, "nearIdentityAttention", "attention with an output layer"},
      {!options.stem.empty(), convolutions > 0, "stem", "convolutions"},
  };
  for (const auto &[isGiven, isUsed, option, missing] : uses)
    if (isGiven && !isUsed)
      return makeError("expected no '{0}' for a new model of layout '{1}', which has no {2}", option, layout.name,
                       missing);
  if (convolutions < options.stem.size())
    return makeError("expected the output channels of {0} convolutions of layout '{1}' as 'stem', found {2}",
                     convolutions, layout.name, options.stem.size());
  return Error::success();
}

Expected<std::vector<TensorToWrite>> ModelMaker::make() {
  if (Error error = checkOptions())
    return std::move(error);
  if (Error error = addSteps(layout.steps))
    return std::move(error);
  if (Error error = checkUse())
    return std::move(error);
  if (!isPooled || columns != options.classes)
    return makeError("expected a new model of layout '{0}' to end with a linear layer after a 'pool' step, found "
                     "none (an optional tensor may have to be chosen)",
                     layout.name);
  return tensors.take();
}

Expected<std::vector<TensorToWrite>> createModel(const Layout &layout, const NewModelOptions &options, uint64_t seed) {
  Expected<NewModelChoices> choices = NewModelChoices::make(layout, options);
  if (!choices)
    return choices.takeError();
  return ModelMaker(layout, options, std::move(*choices), seed).make();
}

} // namespace vitya
