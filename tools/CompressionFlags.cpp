// Options of a flag are those of its pass with commas between them; calibration images are the same for all.
#include "tools/CompressionFlags.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"
#include "passes/compress/QuantizationReport.h"
#include "tools/WriteOutput.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Regex.h"

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
          cl::value_desc("file"), cl::cat(category)) {}

/// What --quantize says before its options.
static StringRef modeOf(StringRef quantize) { return quantize.split(',').first; }

StringRef CompressionFlags::asked() const {
  return !lowRank.empty()             ? "--low-rank"
         : !smooth.empty()            ? "--smooth"
         : modeOf(quantize) != "none" ? "--quantize"
                                      : "";
}

llvm::Error CompressionFlags::check() const {
  StringRef mode = modeOf(quantize);
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
  return llvm::Error::success();
}

llvm::Error CompressionFlags::addPass(OpPassManager &pm, std::unique_ptr<Pass> pass, StringRef flag, StringRef options,
                                      bool takesImages) const {
  std::string text;
  // A comma separates options where a name and "=" follow; others belong to a value.
  llvm::Regex next("^[a-z-]+=");
  for (StringRef rest = options; !rest.empty();) {
    auto [head, tail] = rest.split(',');
    text += head.str() + (tail.empty() ? "" : next.match(tail) ? " " : ",");
    rest = tail;
  }
  if (takesImages && !calibrate.empty())
    text += " images={" + calibrate + "}";
  if (flag == "--low-rank" && !report.empty())
    text += " report={" + report + "}";
  std::string problem;
  auto report = [&](const Twine &message) {
    problem = message.str();
    return failure();
  };
  if (failed(pass->initializeOptions(text, report)))
    return llvm::createStringError("expected " + flag + " to be options of vitya-opt's --" + pass->getArgument() +
                                   ", found '" + options + "'" + (problem.empty() ? "" : ": " + problem));
  pm.addPass(std::move(pass));
  return llvm::Error::success();
}

llvm::Error CompressionFlags::addQuantization(OpPassManager &pm) const {
  auto [mode, options] = StringRef(quantize).split(',');
  // Rows that nobody reads have no say in ranges, and fused layers have a range for each part.
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createSplitLinearsPass());
  pm.addPass(createCanonicalizerPass());
  if (!smooth.empty())
    if (llvm::Error error = addPass(pm, createSmoothPass(), "--smooth", smooth, /*takesImages=*/true))
      return error;
  if (mode == "dynamic")
    return addPass(pm, createQuantizeDynamicPass(), "--quantize=dynamic", options, /*takesImages=*/false);
  if (mode != "static")
    return llvm::Error::success();
  if (llvm::Error error = addPass(pm, createCalibratePass(), "--calibrate", "", /*takesImages=*/true))
    return error;
  return addPass(pm, createQuantizeStaticPass(), "--quantize=static", options, /*takesImages=*/false);
}

llvm::Error CompressionFlags::addPasses(OpPassManager &pm) const {
  // Before canonicalization, which drops tokens that nobody reads but that factors can be fitted to.
  if (!lowRank.empty())
    if (llvm::Error error = addPass(pm, createLowRankPass(), "--low-rank", lowRank, /*takesImages=*/true))
      return error;
  if (smooth.empty() && modeOf(quantize) == "none")
    return llvm::Error::success();
  return addQuantization(pm);
}

llvm::Error CompressionFlags::writeReport(ModuleOp module) const {
  if (report.empty() || modeOf(quantize) == "none")
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
  sections["quantization"] = quantizationReport(module);
  return writeOutput(report, [&](llvm::raw_ostream &os) {
    os << llvm::formatv("{0:2}\n", llvm::json::Value(std::move(sections)));
    return llvm::Error::success();
  });
}

} // namespace vitya
