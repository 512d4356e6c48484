// Texts become options of passes.
#include "tools/lib/Recipe.h"
#include "mlir/Transforms/Passes.h"
#include "passes/lowrank/Passes.h"
#include "passes/quantize/Passes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Regex.h"

using namespace mlir;

namespace vitya {

std::vector<std::string> optionsOf(StringRef text) {
  std::vector<std::string> result;
  llvm::Regex next("^[a-z-]+=");
  while (!text.empty()) {
    auto [head, tail] = text.split(',');
    result.push_back(head.str());
    for (; !tail.empty() && !next.match(tail); tail = tail.split(',').second)
      result.back() += "," + tail.split(',').first.str();
    text = tail;
  }
  return result;
}

namespace {

using Options = std::vector<std::string>;

/// Adds NAME=VALUE, unless the value is empty.
void addOption(Options &options, StringRef name, StringRef value) {
  if (!value.empty())
    options.push_back((name + "={" + value + "}").str());
}

/// Excepts `names` besides what `options` except.
void addExceptions(Options &options, ArrayRef<std::string> names) {
  if (names.empty())
    return;
  std::string pattern;
  llvm::erase_if(options, [&](StringRef option) {
    bool isExcept = option.consume_front("except=");
    if (isExcept)
      pattern = "(" + option.str() + ")|";
    return isExcept;
  });
  std::vector<std::string> escaped;
  for (const std::string &name : names)
    escaped.push_back(llvm::Regex::escape(name));
  addOption(options, "except", pattern + "^(" + llvm::join(escaped, "|") + ")$");
}

/// Adds `pass` with `options`, which --FLAG said as `said`.
llvm::Error addPass(OpPassManager &pm, std::unique_ptr<Pass> pass, StringRef flag, StringRef said,
                    const Options &options) {
  std::string problem;
  auto report = [&](const Twine &message) {
    problem = message.str();
    return failure();
  };
  if (failed(pass->initializeOptions(llvm::join(options, " "), report)))
    return llvm::createStringError("expected " + flag + " to be options of vitya-opt's --" + pass->getArgument() +
                                   ", found '" + said + "'" + (problem.empty() ? "" : ": " + problem));
  pm.addPass(std::move(pass));
  return llvm::Error::success();
}

} // namespace

llvm::Error Recipe::addPreparation(OpPassManager &pm) const {
  auto withImages = [&](StringRef said) {
    Options options = optionsOf(said);
    addOption(options, "images", images);
    return options;
  };
  // Before canonicalization, which drops tokens that nobody reads but that factors can be fitted to.
  if (!lowRank.empty()) {
    Options options = withImages(lowRank);
    addOption(options, "report", lowRankReport);
    if (llvm::Error error = addPass(pm, createLowRankPass(), "--low-rank", lowRank, options))
      return error;
  }
  if (smooth.empty() && !quantizes())
    return llvm::Error::success();
  // Rows that nobody reads have no say in ranges, and fused layers have a range for each part.
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createSplitLinearsPass());
  pm.addPass(createCanonicalizerPass());
  if (!smooth.empty())
    if (llvm::Error error = addPass(pm, createSmoothPass(), "--smooth", smooth, withImages(smooth)))
      return error;
  if (mode() == "static")
    return addPass(pm, createCalibratePass(), "--calibrate", "", withImages(""));
  return llvm::Error::success();
}

llvm::Error Recipe::addQuantization(OpPassManager &pm) const {
  StringRef said = StringRef(quantize).split(',').second;
  Options options = optionsOf(said);
  addExceptions(options, restored);
  if (mode() == "static")
    return addPass(pm, createQuantizeStaticPass(), "--quantize=static", said, options);
  if (mode() == "dynamic")
    return addPass(pm, createQuantizeDynamicPass(), "--quantize=dynamic", said, options);
  return llvm::Error::success();
}

llvm::Error Recipe::addPasses(OpPassManager &pm) const {
  if (llvm::Error error = addPreparation(pm))
    return error;
  return addQuantization(pm);
}

} // namespace vitya
