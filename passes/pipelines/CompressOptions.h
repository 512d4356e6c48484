// The options of compression: the options of each pass that runs, as the structs that TableGen generates from
// Passes.td.
#ifndef VITYA_PASSES_PIPELINES_COMPRESSOPTIONS_H
#define VITYA_PASSES_PIPELINES_COMPRESSOPTIONS_H

#include "passes/lowrank/Passes.h"
#include "passes/quantize/Passes.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <variant>

namespace vitya {

/// Which compression passes run, and their options. By default none does.
struct CompressOptions {
  std::optional<LowRankPassOptions> lowRank;
  std::optional<SmoothPassOptions> smooth;
  /// Fits weights to the quantization that was requested, also if keepF32() changes it later.
  std::optional<FitWeightsPassOptions> fit;
  QuantizeOptions quantize;
  /// The options of vitya-convert-to-bf16, which converts the layers that quantization leaves in f32.
  std::optional<ConvertToBf16PassOptions> bf16;
  /// The images that vitya-calibrate runs the model on. The other passes run it on them too, see useImages().
  CalibratePassOptions calibration;

  bool quantizes() const { return !std::holds_alternative<std::monostate>(quantize); }
  bool quantizesStatically() const { return std::holds_alternative<QuantizeStaticPassOptions>(quantize); }

  /// Makes every pass that looks at images use the file `images`, and its first `count` records (0: all) unless the
  /// pass has a count of its own.
  void useImages(llvm::StringRef images, int64_t count);

  /// Keeps the layers and attentions called `names` in f32, in addition to those that quantization excludes already.
  void keepF32(llvm::ArrayRef<std::string> names);
};

/// Compression as the user writes it. Options of a pass are in the syntax of vitya-opt, separated by spaces or commas.
struct CompressText {
  std::string lowRank;           ///< options of vitya-low-rank; empty: no factorisation
  std::string smooth;            ///< options of vitya-smooth; empty: no smoothing
  std::string quantize = "none"; ///< "none", "static" or "dynamic", then options of that quantization pass
  std::string images;            ///< see runtime/image/ImageData.h; may be empty
  int64_t count = 0;             ///< 0: all
  std::string precision = "f32"; ///< "f32", or "bf16" and options of vitya-convert-to-bf16
};

/// Parses `text`. An error names the option it is about as `prefix` followed by "low-rank", "smooth", "quantize" or
/// "precision".
llvm::Expected<CompressOptions> parseCompressOptions(const CompressText &text, llvm::StringRef prefix);

} // namespace vitya

#endif // VITYA_PASSES_PIPELINES_COMPRESSOPTIONS_H
