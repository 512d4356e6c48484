// Convolutions and pooling before the transformer.
#include "dialect/support/Errors.h"
#include "frontend/import/ModelBuilder.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace vitya {

/// Checks that windows of the size `window` fit the grid, which the layer or step `name` reads.
Error ModelBuilder::checkWindow(StringRef name, Sizes window, const WindowStep &step) const {
  if (rows() != grid.size())
    return makeError("expected only patches before '{0}', found {1} tokens for a grid of {2}x{3}", name, rows(),
                     grid.height, grid.width);
  auto [height, width] = window;
  if (step.padding[0] >= height || step.padding[1] >= width)
    return makeError("expected padding of '{0}' that is smaller than its window of {1}x{2}, found {3}x{4}", name,
                     height, width, step.padding[0], step.padding[1]);
  if (height > grid.height + 2 * step.padding[0] || width > grid.width + 2 * step.padding[1])
    return makeError("expected a window of '{0}' that is not larger than its padded input of {1}x{2}, found {3}x{4}",
                     name, grid.height + 2 * step.padding[0], grid.width + 2 * step.padding[1], height, width);
  return Error::success();
}

/// The size of the kernel that `shape` is the weight of: [out, channels, height, width], or a matrix [out, height *
/// width * channels] with a square window, as this compiler writes it. None for another shape.
static std::optional<Sizes> kernelSize(ArrayRef<int64_t> shape, int64_t channels) {
  if (shape.size() == 4 && shape[0] > 0 && shape[1] == channels && shape[2] > 0 && shape[3] > 0)
    return Sizes{shape[2], shape[3]};
  std::optional<int64_t> side =
      shape.size() == 2 && shape[1] % channels == 0 ? integerRoot(shape[1] / channels) : std::nullopt;
  return side ? std::optional(Sizes{*side, *side}) : std::nullopt;
}

Error ModelBuilder::buildStep(const ConvolutionStep &step) {
  std::optional<Sizes> window = kernelSize(weights.tensor(step.layer.weight).shape, columns());
  if (Error error = weights.checkShape(step.layer.weight, window.has_value(),
                                       "[out, " + llvm::Twine(columns()) + ", height, width]"))
    return error;
  SmallVector<const ConvolutionWindow *> known = {&step};
  llvm::append_range(known, llvm::make_pointer_range(step.others));
  const auto *fitting =
      llvm::find_if(known, [&](const ConvolutionWindow *each) { return !each->kernel || each->kernel == window; });
  if (fitting == known.end()) {
    auto sizes = llvm::map_range(known, [](const ConvolutionWindow *each) {
      return llvm::formatv("{0}x{1}", (*each->kernel)[0], (*each->kernel)[1]).str();
    });
    return makeError("expected tensor '{0}' of a kernel of {1}, as the layout says, found shape {2}",
                     step.layer.weight.name, llvm::join(sizes, " or "),
                     formatShape(weights.tensor(step.layer.weight).shape));
  }
  if (Error error = checkWindow(step.layer.name, *window, **fitting))
    return error;
  auto windows = UnfoldOp::create(builder, location(step.layer.name), tokens, ArrayRef({grid.height, grid.width}),
                                  *window, (*fitting)->stride, (*fitting)->padding);
  Expected<Tokens> result = layers.convolution(step, *window, windows.getResult());
  if (!result)
    return result.takeError();
  tokens = *result;
  auto [height, width] = windows.getResultGrid();
  grid = {height, width};
  return Error::success();
}

Error ModelBuilder::buildStep(const MaxPoolStep &step) {
  if (Error error = checkWindow("max_pool", step.window, step))
    return error;
  auto pool = MaxPoolOp::create(builder, location("max_pool"), tokens, ArrayRef({grid.height, grid.width}), step.window,
                                step.stride, step.padding);
  tokens = pool.getResult();
  auto [height, width] = pool.getResultGrid();
  grid = {height, width};
  return Error::success();
}

} // namespace vitya
