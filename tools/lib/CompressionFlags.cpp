// Declares the options, parses those that carry options of passes, and checks that they fit together.
#include "tools/lib/CompressionFlags.h"
#include "dialect/support/Errors.h"
#include "dialect/support/WriteOutput.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;

namespace cl = llvm::cl;

namespace vitya {

CompressionFlags::CompressionFlags(cl::OptionCategory &category)
    : lowRank("low-rank",
              cl::desc("Factorise linear layers, with options of the pass vitya-low-rank, separated by commas, such as "
                       "keep=0.5,method=joint"),
              cl::value_desc("options"), cl::cat(category)),
      smooth("smooth",
             cl::desc("Even out the columns of activations before quantization, with options of the pass "
                      "vitya-smooth, such as alpha=0.5"),
             cl::value_desc("options"), cl::cat(category)),
      quantize("quantize",
               cl::desc("Quantize to integers with ranges from calibration (static) or found at run time (dynamic), "
                        "with options of the pass vitya-quantize-static or vitya-quantize-dynamic, such as "
                        "static,bits=4,except=head (default: none)"),
               cl::value_desc("none|static|dynamic[,options]"), cl::init("none"), cl::cat(category)),
      precision("precision",
                cl::desc("Multiply bf16 in the linear layers that are not quantized, with options of the pass "
                         "vitya-convert-to-bf16, such as bf16,except=head (default: f32)"),
                cl::value_desc("f32|bf16[,options]"), cl::init("f32"), cl::cat(category)),
      calibrate("calibrate",
                cl::desc("Images on which compression runs the model: a folder or list of pictures, an .npy array, or "
                         "CIFAR-10 records"),
                cl::value_desc("file"), cl::cat(category)),
      report("report",
             cl::desc("Write the result of compression for each layer to this file, as JSON: spectrum, rank, energy "
                      "kept, errors, formats, scales, share of values clipped, signal-to-noise ratio, reason"),
             cl::value_desc("file"), cl::cat(category)),
      validate(
          "validate",
          cl::desc("Images on which --max-kl and --max-drop must hold, in the forms of --calibrate; --max-drop needs "
                   "labels. With --max-bytes or --max-latency, the loss is measured on them"),
          cl::value_desc("file"), cl::cat(category)),
      maxBytes(
          "max-bytes",
          cl::desc("Upper bound of the bytes of weights, such as 900k or 1.5M. Within it, the ranks and bits of all "
                   "layers are chosen so that predictions change least"),
          cl::value_desc("bytes"), cl::cat(category)),
      maxLatency(
          "max-latency",
          cl::desc("Upper bound of the shortest time of one image that `bench` measures on this machine, such as "
                   "1.2ms; see --max-bytes"),
          cl::value_desc("time"), cl::cat(category)),
      maxKl("max-kl",
            cl::desc("Upper bound of the mean KL divergence from the f32 predictions, in nats. Ranks are raised and "
                     "layers are kept in f32 until it holds on the images of --validate. Without --low-rank and "
                     "--quantize, the ranks and bits with the fewest bytes for which it holds are chosen"),
            cl::cat(category)),
      maxDrop("max-drop", cl::desc("Upper bound of the loss of accuracy, in percentage points; see --max-kl"),
              cl::cat(category)),
      reportSensitivity("report-sensitivity",
                        cl::desc("Add to --report the divergence that quantizing each layer alone causes, on the first "
                                 "images of --validate or --calibrate"),
                        cl::cat(category)) {}

StringRef CompressionFlags::requested() const {
  return !lowRank.empty()     ? "--low-rank"
         : !smooth.empty()    ? "--smooth"
         : quantize != "none" ? "--quantize"
         : precision != "f32" ? "--precision"
         : choosesFormats()   ? firstBound()
                              : "";
}

StringRef CompressionFlags::firstBound() const {
  for (const cl::Option *each : std::initializer_list<const cl::Option *>{&maxBytes, &maxLatency, &maxKl, &maxDrop})
    if (each->getNumOccurrences())
      return each == &maxBytes     ? "--max-bytes"
             : each == &maxLatency ? "--max-latency"
             : each == &maxKl      ? "--max-kl"
                                   : "--max-drop";
  return "";
}

bool CompressionFlags::choosesFormats() const {
  if (maxBytes.getNumOccurrences() || maxLatency.getNumOccurrences())
    return true;
  return isBounded() && lowRank.empty() && smooth.empty() && !quantize.getNumOccurrences();
}

CompressText CompressionFlags::base() const {
  CompressText text{lowRank, smooth, quantize, calibrate, /*count=*/0, precision};
  if (lowRank.empty())
    text.lowRank = "method=joint";
  if (!quantize.getNumOccurrences())
    text.quantize = "dynamic,rounding=gptq";
  return text;
}

/// A positive number followed by one of `units`, of which each has a factor; nothing for any other text.
static std::optional<double> parseWithUnit(StringRef text, ArrayRef<std::pair<StringRef, double>> units) {
  StringRef number = text.take_front(text.find_last_of("0123456789.") + 1), unit = text.drop_front(number.size());
  double value = 0;
  if (number.getAsDouble(value) || !(value > 0 && std::isfinite(value)))
    return std::nullopt;
  for (auto [name, factor] : units)
    if (name == unit)
      return value * factor;
  return std::nullopt;
}

static std::optional<double> parseBytes(StringRef text) {
  return parseWithUnit(text, {{"", 1}, {"k", 1e3}, {"M", 1e6}});
}

static std::optional<double> parseMilliseconds(StringRef text) {
  return parseWithUnit(text, {{"ms", 1}, {"us", 1e-3}, {"s", 1e3}});
}

SearchGoal CompressionFlags::goal() const {
  SearchGoal result;
  if (maxKl.getNumOccurrences())
    result.divergence = maxKl;
  if (maxDrop.getNumOccurrences())
    result.drop = maxDrop;
  if (maxBytes.getNumOccurrences())
    result.bytes = parseBytes(maxBytes);
  if (maxLatency.getNumOccurrences())
    result.latency = parseMilliseconds(maxLatency);
  result.sensitivities = reportSensitivity;
  result.images = validate.empty() ? calibrate : validate;
  return result;
}

llvm::Expected<CompressOptions> CompressionFlags::parse(ModuleOp model, bool looksAtHeldOut) const {
  if (llvm::Error error = checkBounds())
    return error;
  llvm::Expected<CompressOptions> options = parseCompressOptions(
      choosesFormats() ? base() : CompressText{lowRank, smooth, quantize, calibrate, /*count=*/0, precision},
      /*prefix=*/"--");
  if (!options)
    return options.takeError();
  if (choosesFormats()) {
    if (llvm::Error error = checkChoice(*options))
      return error;
    return options;
  }
  if (llvm::Error error = checkImages(model, *options))
    return error;
  if (!report.empty() && !options->lowRank && !options->quantizes() && !options->bf16)
    return makeError("expected --report with a compression to report, found no --low-rank, --quantize or --precision");
  if (llvm::Error error = checkSearch(*options, looksAtHeldOut))
    return error;
  return options;
}

/// Whether there is nothing left to quantize, such as after training with quantization.
static bool isQuantized(ModuleOp model) {
  bool result = true;
  model.walk([&](LayerOpInterface layer) { result &= !layer.isF32() || layer.getQuantizableOperands().empty(); });
  return result;
}

llvm::Error CompressionFlags::checkImages(ModuleOp model, const CompressOptions &options) const {
  StringRef needsImages = options.quantizesStatically() && !isQuantized(model)      ? "--quantize=static"
                          : roundingOf(options.quantize) != WeightRounding::nearest ? "--quantize with rounding=gptq"
                          : !smooth.empty()                                         ? "--smooth"
                                                                                    : "";
  if (!needsImages.empty() && calibrate.empty())
    return makeError("expected --calibrate=FILE with " + needsImages + ", which looks at images, found none");
  if (!calibrate.empty() && !options.lowRank && !options.smooth && !options.quantizes())
    return makeError("expected --calibrate with a compression that looks at images, found no --low-rank, --smooth or "
                     "--quantize");
  return llvm::Error::success();
}

llvm::Error CompressionFlags::checkBounds() const {
  for (const auto *bound : {&maxKl, &maxDrop})
    if (bound->getNumOccurrences() && !(*bound > 0 && std::isfinite(*bound)))
      return makeError("expected --" + bound->ArgStr + " to be above 0, found " +
                       llvm::formatv("{0}", bound->getValue()).str());
  if (maxBytes.getNumOccurrences() && !parseBytes(maxBytes))
    return makeError("expected --max-bytes to be a positive number, perhaps followed by k or M, found '" + maxBytes +
                     "'");
  if (maxLatency.getNumOccurrences() && !parseMilliseconds(maxLatency))
    return makeError("expected --max-latency to be a positive number followed by us, ms or s, found '" + maxLatency +
                     "'");
  return llvm::Error::success();
}

llvm::Error CompressionFlags::checkChoice(const CompressOptions &options) const {
  StringRef flag = firstBound();
  if (calibrate.empty())
    return makeError("expected --calibrate=FILE with " + flag + ", which chooses ranks and bits on images, found none");
  if (isBounded() && validate.empty())
    return makeError("expected --validate=FILE with " + Twine(maxKl.getNumOccurrences() ? "--max-kl" : "--max-drop") +
                     ", which holds on its images, found none");
  if (reportSensitivity)
    return makeError("expected --report-sensitivity without " + flag + ", found both");
  if (options.bf16)
    return makeError("expected --precision=f32 with " + flag + ", which chooses formats, found '" + precision + "'");
  if (options.lowRank && (options.lowRank->rank || options.lowRank->keep || !options.lowRank->ranks.empty()))
    return makeError("expected --low-rank without rank, keep and ranks, which " + flag + " chooses, found '" + lowRank +
                     "'");
  auto isChosen = [](const auto &quantize) {
    if constexpr (std::is_same_v<std::decay_t<decltype(quantize)>, std::monostate>)
      return false;
    else
      return !quantize.bits.isEmpty() || quantize.layers != "." || !quantize.except.empty() ||
             !quantize.keepF32.empty();
  };
  if (std::visit(isChosen, options.quantize))
    return makeError("expected --quantize without bits, layers, except and keep-f32, which " + flag +
                     " chooses, found '" + quantize + "'");
  return llvm::Error::success();
}

llvm::Error CompressionFlags::checkSearch(const CompressOptions &options, bool looksAtHeldOut) const {
  StringRef flag = firstBound();
  if (isBounded() && !options.lowRank && !options.quantizes())
    return makeError("expected " + flag + " with a compression to bound, found no --low-rank or --quantize");
  if (isBounded() && validate.empty())
    return makeError("expected --validate=FILE with " + flag + ", which holds on its images, found none");
  if (reportSensitivity && (report.empty() || !options.quantizes()))
    return makeError("expected --report=FILE and --quantize with --report-sensitivity, found none");
  if (reportSensitivity && validate.empty() && calibrate.empty())
    return makeError(
        "expected --validate=FILE or --calibrate=FILE with --report-sensitivity, which looks at images, found neither");
  if (!validate.empty() && !isBounded() && !reportSensitivity && !looksAtHeldOut)
    return makeError("expected --validate with --max-kl, --max-drop, --max-bytes, --max-latency, --cascade, --card "
                     "or --report-sensitivity, found none of them");
  return llvm::Error::success();
}

llvm::Error CompressionFlags::checkFiles() const {
  for (const std::string &images : {calibrate.getValue(), validate.getValue()})
    if (!images.empty())
      protectInput(images);
  return report.empty() ? llvm::Error::success() : checkOutput(report);
}

llvm::Error CompressionFlags::writeReport(const ModelReport &modelReport, const CompressOptions &options) const {
  return writeOutput(report, [&](llvm::raw_ostream &os) {
    printJson(modelReport, /*withQuantization=*/options.quantizes() || options.bf16, os);
    return llvm::Error::success();
  });
}

} // namespace vitya
