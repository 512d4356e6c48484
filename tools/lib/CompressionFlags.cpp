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
              cl::desc("Factorise linear layers: options of vitya-opt's --vitya-low-rank, separated by commas, such as "
                       "keep=0.5,method=joint"),
              cl::value_desc("options"), cl::cat(category)),
      smooth("smooth",
             cl::desc("Even out the columns of activations before quantization: options of vitya-opt's --vitya-smooth, "
                      "such as alpha=0.5"),
             cl::value_desc("options"), cl::cat(category)),
      quantize("quantize",
               cl::desc("Quantize to 8-bit integers with ranges from calibration (static) or found at run time "
                        "(dynamic), then options of vitya-opt's --vitya-quantize-static or -dynamic, such as "
                        "static,observer=mse,except=head (default: none)"),
               cl::value_desc("none|static|dynamic[,options]"), cl::init("none"), cl::cat(category)),
      calibrate("calibrate",
                cl::desc("Images that compression runs the model on: a folder or list of pictures, an .npy array or "
                         "CIFAR-10 records"),
                cl::value_desc("file"), cl::cat(category)),
      report("report",
             cl::desc("Write the outcome of compression for each layer to this file, as JSON: spectrum, rank, energy "
                      "kept, errors, formats, scales, share of values clipped, signal-to-noise ratio, reason"),
             cl::value_desc("file"), cl::cat(category)),
      validate("validate",
               cl::desc("Images on which --max-kl and --max-drop must hold, the latter with labels; see --calibrate"),
               cl::value_desc("file"), cl::cat(category)),
      maxKl("max-kl",
            cl::desc("Upper bound of the mean KL divergence from the f32 predictions, in nats: ranks are raised and "
                     "layers kept in f32 until it holds on the images of --validate"),
            cl::cat(category)),
      maxDrop("max-drop", cl::desc("Upper bound of the loss of accuracy, in percentage points; see --max-kl"),
              cl::cat(category)),
      reportSensitivity("report-sensitivity",
                        cl::desc("Add to --report the divergence that quantizing each layer alone causes, on the first "
                                 "images of --validate or --calibrate"),
                        cl::cat(category)) {}

StringRef CompressionFlags::requested() const {
  return !lowRank.empty() ? "--low-rank" : !smooth.empty() ? "--smooth" : quantize != "none" ? "--quantize" : "";
}

SearchGoal CompressionFlags::goal() const {
  SearchGoal result;
  if (maxKl.getNumOccurrences())
    result.divergence = maxKl;
  if (maxDrop.getNumOccurrences())
    result.drop = maxDrop;
  result.sensitivities = reportSensitivity;
  result.images = validate.empty() ? calibrate : validate;
  return result;
}

llvm::Expected<CompressOptions> CompressionFlags::parse() const {
  llvm::Expected<CompressOptions> options =
      parseCompressOptions({lowRank, smooth, quantize, calibrate, /*count=*/0}, /*prefix=*/"--");
  if (!options)
    return options.takeError();
  if (llvm::Error error = checkImages(*options))
    return error;
  if (!report.empty() && !options->lowRank && !options->quantizes())
    return makeError("expected --report with a compression to report, found no --low-rank or --quantize");
  if (llvm::Error error = checkSearch(*options))
    return error;
  return options;
}

llvm::Error CompressionFlags::checkImages(const CompressOptions &options) const {
  StringRef needsImages = options.quantizesStatically()                             ? "--quantize=static"
                          : roundingOf(options.quantize) != WeightRounding::nearest ? "--quantize=dynamic,rounding=gptq"
                          : !smooth.empty()                                         ? "--smooth"
                                                                                    : "";
  if (!needsImages.empty() && calibrate.empty())
    return makeError("expected --calibrate=FILE with " + needsImages + ", which looks at images, found none");
  if (!calibrate.empty() && requested().empty())
    return makeError("expected --calibrate with a compression that looks at images, found no --low-rank, --smooth or "
                     "--quantize");
  return llvm::Error::success();
}

llvm::Error CompressionFlags::checkSearch(const CompressOptions &options) const {
  for (const auto *bound : {&maxKl, &maxDrop})
    if (bound->getNumOccurrences() && !(*bound > 0 && std::isfinite(*bound)))
      return makeError("expected --" + bound->ArgStr + " to be above 0, found " +
                       llvm::formatv("{0}", bound->getValue()).str());
  StringRef flag = maxKl.getNumOccurrences() ? "--max-kl" : "--max-drop";
  if (isBounded() && !options.lowRank && !options.quantizes())
    return makeError("expected " + flag + " with a compression to bound, found no --low-rank or --quantize");
  if (isBounded() && validate.empty())
    return makeError("expected --validate=FILE with " + flag + ", which holds on its images, found none");
  if (reportSensitivity && (report.empty() || !options.quantizes()))
    return makeError("expected --report=FILE and --quantize with --report-sensitivity, found none");
  if (reportSensitivity && validate.empty() && calibrate.empty())
    return makeError(
        "expected --validate=FILE or --calibrate=FILE with --report-sensitivity, which looks at images, found neither");
  if (!validate.empty() && !isBounded() && !reportSensitivity)
    return makeError("expected --validate with --max-kl, --max-drop or --report-sensitivity, found none of them");
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
    printJson(modelReport, /*withQuantization=*/options.quantizes(), os);
    return llvm::Error::success();
  });
}

} // namespace vitya
