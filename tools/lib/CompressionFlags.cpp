// Options of a flag are those of its pass with commas between them; calibration images are the same for all.
#include "tools/lib/CompressionFlags.h"
#include "dialect/support/WriteOutput.h"
#include "passes/quantize/QuantizationReport.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cmath>

using namespace mlir;

namespace cl = llvm::cl;

namespace vitya {

CompressionFlags::CompressionFlags(cl::OptionCategory &category)
    : lowRank("low-rank",
              cl::desc("Factorise layers: options of vitya-opt's --vitya-low-rank with commas between them, such as "
                       "keep=0.5,method=joint"),
              cl::value_desc("options"), cl::cat(category)),
      smooth("smooth",
             cl::desc("Even out activations before they are quantized: options of vitya-opt's --vitya-smooth, such as "
                      "alpha=0.5"),
             cl::value_desc("options"), cl::cat(category)),
      quantize("quantize",
               cl::desc("8-bit integers, with ranges found by calibration or at run time (default: none), then options "
                        "of vitya-opt's --vitya-quantize-static or -dynamic, such as static,observer=mse,except=head"),
               cl::value_desc("none|static|dynamic[,options]"), cl::init("none"), cl::cat(category)),
      calibrate("calibrate",
                cl::desc("Images that compression looks at the model with: CIFAR-10 records, resized for the model"),
                cl::value_desc("file"), cl::cat(category)),
      report(
          "report",
          cl::desc(
              "Write what compression made of each layer to this file, as JSON: spectrum, rank, energy kept, errors, "
              "formats, scales, numbers clipped, signal-to-noise ratio, reason"),
          cl::value_desc("file"), cl::cat(category)),
      validate("validate", cl::desc("Labelled images to hold --max-kl and --max-drop on: CIFAR-10 records"),
               cl::value_desc("file"), cl::cat(category)),
      maxKl(
          "max-kl",
          cl::desc("The divergence from the f32 predictions that compression may cause, in nats: ranks are raised and "
                   "layers restored to f32 until it holds on the images of --validate"),
          cl::cat(category)),
      maxDrop("max-drop", cl::desc("The same for the loss of accuracy, in points of a hundred"), cl::cat(category)),
      reportSensitivity(
          "report-sensitivity",
          cl::desc("Add to --report the divergence when only this layer is quantized, on the first images "
                   "of --validate or --calibrate"),
          cl::cat(category)) {}

Recipe CompressionFlags::recipe() const {
  Recipe result;
  result.lowRank = lowRank;
  result.smooth = smooth;
  result.quantize = quantize;
  result.images = calibrate;
  if (!lowRank.empty())
    result.lowRankReport = report;
  return result;
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

StringRef CompressionFlags::asked() const {
  return !lowRank.empty() ? "--low-rank" : !smooth.empty() ? "--smooth" : recipe().quantizes() ? "--quantize" : "";
}

llvm::Error CompressionFlags::checkSearch() const {
  bool compresses = !lowRank.empty() || recipe().quantizes();
  bool isBound = maxKl.getNumOccurrences() || maxDrop.getNumOccurrences();
  for (const auto *bound : {&maxKl, &maxDrop})
    if (bound->getNumOccurrences() && !(*bound > 0 && std::isfinite(*bound)))
      return llvm::createStringError("expected --" + bound->ArgStr + " to be above 0, found " +
                                     llvm::formatv("{0}", bound->getValue()).str());
  StringRef flag = maxKl.getNumOccurrences() ? "--max-kl" : "--max-drop";
  if (isBound && !compresses)
    return llvm::createStringError("expected " + flag +
                                   " with a compression to bound, found no --low-rank or --quantize");
  if (isBound && validate.empty())
    return llvm::createStringError("expected --validate=FILE with " + flag + ", which holds on its images, found none");
  if (reportSensitivity && (report.empty() || !recipe().quantizes()))
    return llvm::createStringError("expected --report=FILE and --quantize with --report-sensitivity, found none");
  if (reportSensitivity && validate.empty() && calibrate.empty())
    return llvm::createStringError(
        "expected --validate=FILE or --calibrate=FILE with --report-sensitivity, which looks at images, found neither");
  if (!validate.empty() && !isBound && !reportSensitivity)
    return llvm::createStringError(
        "expected --validate with --max-kl, --max-drop or --report-sensitivity, found none of them");
  return llvm::Error::success();
}

llvm::Error CompressionFlags::check() const {
  Recipe asked = recipe();
  StringRef mode = asked.mode();
  if (mode != "none" && mode != "static" && mode != "dynamic")
    return llvm::createStringError("expected --quantize to be none, static or dynamic, found '" + mode + "'");
  if (mode == "none" && quantize != "none")
    return llvm::createStringError("expected --quantize=none without options, found '" + quantize + "'");
  for (StringRef flag :
       {StringRef(mode == "static" ? "--quantize=static" : ""), StringRef(smooth.empty() ? "" : "--smooth")})
    if (!flag.empty() && calibrate.empty())
      return llvm::createStringError("expected --calibrate=FILE with " + flag + ", which looks at images, found none");
  if (!calibrate.empty() && lowRank.empty() && smooth.empty() && mode != "static")
    return llvm::createStringError(
        "expected --calibrate with a compression that looks at images, found " +
        (mode == "none" ? "no --low-rank, --smooth or --quantize" : "--quantize=" + quantize + " alone"));
  if (!report.empty() && lowRank.empty() && mode == "none")
    return llvm::createStringError("expected --report with a compression to report, found no --low-rank or --quantize");
  return checkSearch();
}

llvm::Error CompressionFlags::writeReport(ModuleOp module, llvm::json::Object more) const {
  if (report.empty() || (!recipe().quantizes() && more.empty()))
    return llvm::Error::success();
  llvm::json::Object sections;
  // The pass that factorises has written what it did.
  if (!lowRank.empty()) {
    llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> file = llvm::MemoryBuffer::getFile(report);
    if (!file)
      return llvm::createStringError("expected the report of --low-rank at '" + report +
                                     "', found: " + file.getError().message());
    llvm::Expected<llvm::json::Value> value = llvm::json::parse((*file)->getBuffer());
    if (!value)
      return value.takeError();
    sections = std::move(*value->getAsObject());
  }
  if (recipe().quantizes())
    sections["quantization"] = quantizationReport(module);
  for (auto &[name, value] : more)
    sections[name] = std::move(value);
  return writeOutput(report, [&](llvm::raw_ostream &os) {
    os << llvm::formatv("{0:2}\n", llvm::json::Value(std::move(sections)));
    return llvm::Error::success();
  });
}

} // namespace vitya
