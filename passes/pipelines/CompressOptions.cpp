// Text becomes typed options here and nowhere else.
#include "passes/pipelines/CompressOptions.h"

using namespace mlir;

namespace vitya {

/// What is smoothed for a quantization without --smooth: the inputs of right factors, which amplify rounding errors.
/// The share of the unevenness that moves to the weights is larger than usual, because each fit makes up for errors of
/// the weights.
static SmoothPassOptions smoothFactors() {
  SmoothPassOptions options;
  options.alpha = 0.75;
  options.factors = true;
  options.inputs = SmoothedInputs::inserted;
  return options;
}

void CompressOptions::useImages(StringRef images, int64_t count) {
  auto use = [&](auto &options) {
    options.images = images.str();
    if (options.count == 0)
      options.count = count;
  };
  use(calibration);
  if (images.empty())
    return;
  if (lowRank)
    use(*lowRank);
  if (smooth)
    use(*smooth);
  if (fit)
    use(*fit);
}

void CompressOptions::keepF32(ArrayRef<std::string> names) {
  if (auto *options = std::get_if<QuantizeStaticPassOptions>(&quantize))
    llvm::append_range(options->keepF32, names);
  if (auto *options = std::get_if<QuantizeDynamicPassOptions>(&quantize))
    llvm::append_range(options->keepF32, names);
}

namespace {

/// Assigns `parsed` to `place`, or returns its error.
template <typename Place, typename Options>
llvm::Error assign(Place &place, llvm::Expected<Options> parsed) {
  if (!parsed)
    return parsed.takeError();
  place = std::move(*parsed);
  return llvm::Error::success();
}

} // namespace

llvm::Expected<CompressOptions> parseCompressOptions(const CompressText &text, StringRef prefix) {
  CompressOptions result;
  auto flag = [&](StringRef name) { return (prefix + name).str(); };
  if (!text.lowRank.empty())
    if (llvm::Error error = assign(result.lowRank, parseLowRankOptions(flag("low-rank"), text.lowRank)))
      return std::move(error);
  if (!text.smooth.empty())
    if (llvm::Error error = assign(result.smooth, parseSmoothOptions(flag("smooth"), text.smooth)))
      return std::move(error);
  if (llvm::Error error = assign(result.quantize, parseQuantizeOptions(flag("quantize"), text.quantize)))
    return std::move(error);
  if (llvm::Error error = assign(result.bf16, parsePrecisionOptions(flag("precision"), text.precision)))
    return std::move(error);
  if (text.smooth.empty() && result.quantizes() && !text.images.empty())
    result.smooth = smoothFactors();
  // Without images, a rounding that needs them gets an error.
  if (result.quantizes() && (!text.images.empty() || roundingOf(result.quantize) != WeightRounding::nearest))
    result.fit = FitWeightsPassOptions{text.quantize, text.images};
  if (auto *options = std::get_if<QuantizeStaticPassOptions>(&result.quantize))
    result.calibration.activationBits = options->activationBits;
  result.useImages(text.images, text.count);
  return result;
}

} // namespace vitya
