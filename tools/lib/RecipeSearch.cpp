// Bisection over budgets, then over how many of the most sensitive layers stay f32. Passes free weights that a module
// no longer has, so each trial has a context of its own.
#include "tools/lib/RecipeSearch.h"
#include "dialect/VityaOps.h"
#include "dialect/support/Errors.h"
#include "dialect/support/Progress.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Parser/Parser.h"
#include "passes/analysis/ImageSet.h"
#include "passes/analysis/LinearLayers.h"
#include "passes/numerics/Predictions.h"
#include "tools/lib/ModelInput.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/SourceMgr.h"
#include <cmath>

using namespace mlir;

namespace vitya {
namespace {

/// Images that the sensitivity of a layer is measured on, at most.
constexpr int64_t kProbes = 32;
/// Budgets to choose from lie between the one asked for and all, in as many steps of one ratio.
constexpr int64_t kSteps = 8;

llvm::Error run(PassManager &pm, ModuleOp module) {
  return failed(pm.run(module)) ? reportedError() : llvm::Error::success();
}

/// `options` of --low-rank with the value of `name` as `change` makes it.
std::string withBudget(std::vector<std::string> options, StringRef name,
                       llvm::function_ref<std::string(double)> change) {
  for (std::string &option : options) {
    auto [key, value] = StringRef(option).split('=');
    if (double number = 0; key == name && !value.getAsDouble(number))
      option = (name + "=" + change(number)).str();
  }
  return llvm::join(options, ",");
}

/// The largest rank that a layer of `module` can have which `options` of --low-rank choose.
double fullRank(ModuleOp module, ArrayRef<std::string> options) {
  StringRef pattern = "."; // by default layers of blocks, which are as wide as any
  for (StringRef option : options)
    if (option.consume_front("layers="))
      pattern = option;
  llvm::Regex regex(pattern);
  int64_t full = 1;
  module.walk([&](LinearOp op) {
    if (regex.match(layerNameOf(op)))
      full = std::max(full, *llvm::min_element(op.getWeight().getType().getShape()));
  });
  return double(full);
}

/// Asks `holds` of indices from 1 to `last`: of those where it is true, the one asked last is the least. Bisection
/// takes for granted that it is at `last`, and asks there only where it came to nowhere before.
llvm::Error bisect(int64_t last, llvm::function_ref<llvm::Expected<bool>(int64_t)> holds) {
  int64_t low = 1, high = last;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    llvm::Expected<bool> here = holds(middle);
    if (!here)
      return here.takeError();
    (*here ? high : low) = *here ? middle : middle + 1;
  }
  return high == last ? holds(last).takeError() : llvm::Error::success();
}

} // namespace

std::unique_ptr<MLIRContext> RecipeSearch::makeContext() const {
  auto context = std::make_unique<MLIRContext>(registry);
  printDiagnosticsAs(*context, tool);
  // Remarks and warnings come once, when the settled recipe is followed: the newest handler is asked first.
  context->getDiagEngine().registerHandler(
      [](Diagnostic &diagnostic) { return success(diagnostic.getSeverity() != DiagnosticSeverity::Error); });
  return context;
}

//===----------------------------------------------------------------------===//
// Trials
//===----------------------------------------------------------------------===//

llvm::Error RecipeSearch::measureOriginal() {
  std::unique_ptr<MLIRContext> context = makeContext();
  llvm::Expected<OwningOpRef<ModuleOp>> module = load(*context);
  if (!module)
    return module.takeError();
  FailureOr<ImageSet> images = ImageSet::open(**module, goal.images, /*count=*/0);
  if (failed(images))
    return reportedError();
  count = images->count();
  for (int64_t i = 0; i < count; ++i)
    labels.push_back(images->label(i));
  FailureOr<std::vector<float>> logits = images->run(**module);
  if (failed(logits))
    return reportedError();
  original = std::move(*logits);
  int64_t classes = int64_t(original.size()) / count, label = *llvm::max_element(labels);
  if (goal.drop && label >= classes)
    return llvm::createStringError(llvm::formatv(
        "expected labels below the {0} classes of the model in '{1}', found {2}", classes, goal.images, label));
  return llvm::Error::success();
}

llvm::Expected<std::vector<float>> RecipeSearch::logitsOf(ModuleOp module, int64_t images) const {
  FailureOr<ImageSet> calibration = ImageSet::open(module, goal.images, images);
  if (failed(calibration))
    return reportedError();
  FailureOr<std::vector<float>> logits = calibration->run(module);
  if (failed(logits))
    return reportedError();
  return std::move(*logits);
}

RecipeSearch::Quality RecipeSearch::compare(ArrayRef<float> expected, ArrayRef<float> found) const {
  Quality quality;
  int64_t classes = int64_t(original.size()) / count, images = int64_t(found.size()) / classes;
  for (int64_t i = 0; i < images; ++i) {
    Eigen::Map<const Eigen::ArrayXf> before(&expected[i * classes], classes), after(&found[i * classes], classes);
    quality.divergence += numerics::divergence(before, after) / double(images);
    quality.drop += 100 *
                    double((numerics::bestClass(before) == labels[i]) - (numerics::bestClass(after) == labels[i])) /
                    double(images);
  }
  return quality;
}

llvm::Expected<RecipeSearch::Snapshot> RecipeSearch::prepare(const Recipe &recipe) const {
  std::unique_ptr<MLIRContext> context = makeContext();
  llvm::Expected<OwningOpRef<ModuleOp>> module = load(*context);
  if (!module)
    return module.takeError();
  PassManager pm(context.get());
  if (llvm::Error error = recipe.addPreparation(pm))
    return error;
  if (llvm::Error error = run(pm, **module))
    return error;
  llvm::Expected<std::vector<float>> logits = logitsOf(**module, count);
  if (!logits)
    return logits.takeError();

  Snapshot snapshot;
  snapshot.logits = std::move(*logits);
  snapshot.quality = compare(original, snapshot.logits);
  llvm::SetVector<StringRef> names;
  (*module)->walk([&](Operation *op) {
    if (auto linear = dyn_cast<LinearOp>(op); linear && !linear.isQuantized())
      names.insert(layerNameOf(linear));
    if (auto attention = dyn_cast<AttentionOp>(op); attention && recipe.mode() == "static")
      names.insert(attention.getLayer());
  });
  for (StringRef name : names)
    snapshot.layers.push_back(name.str());
  std::string bytes;
  llvm::raw_string_ostream os(bytes);
  if (failed(writeBytecodeToFile(**module, os)))
    return llvm::createStringError("a module that has no bytecode");
  // Aligned as resources in it ask for.
  std::unique_ptr<llvm::WritableMemoryBuffer> buffer =
      llvm::WritableMemoryBuffer::getNewUninitMemBuffer(bytes.size(), "", llvm::Align(64));
  llvm::copy(bytes, buffer->getBufferStart());
  snapshot.bytecode = std::move(buffer);
  return snapshot;
}

llvm::Expected<RecipeSearch::Quality> RecipeSearch::quantized(const Snapshot &snapshot, const Recipe &recipe,
                                                              ArrayRef<float> expected, int64_t images) const {
  std::unique_ptr<MLIRContext> context = makeContext();
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBuffer(snapshot.bytecode->getMemBufferRef(), /*RequiresNullTerminator=*/false),
      llvm::SMLoc());
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, ParserConfig(context.get()));
  if (!module)
    return reportedError();
  PassManager pm(context.get());
  if (llvm::Error error = recipe.addQuantization(pm))
    return error;
  if (llvm::Error error = run(pm, *module))
    return error;
  llvm::Expected<std::vector<float>> logits = logitsOf(*module, images);
  if (!logits)
    return logits.takeError();
  return compare(expected, *logits);
}

//===----------------------------------------------------------------------===//
// The search
//===----------------------------------------------------------------------===//

bool RecipeSearch::holds(const Recipe &recipe, const Quality &quality, double share, StringRef stage) {
  bool result = (!goal.divergence || quality.divergence <= share * *goal.divergence) &&
                (!goal.drop || quality.drop <= share * *goal.drop);
  std::string restored = recipe.restored.empty() ? "" : llvm::formatv(", {0} in f32", recipe.restored.size()).str();
  llvm::errs() << llvm::formatv("{0}: remark: {1}{2}: divergence {3:e3}, {4:f2} points of accuracy lost: {5}\n", tool,
                                stage, restored, quality.divergence, quality.drop, result ? "holds" : "too much");
  path.push_back(llvm::json::Object{{"stage", stage.str()},
                                    {"low_rank", recipe.lowRank},
                                    {"restored", llvm::json::Array(recipe.restored)},
                                    {"divergence", quality.divergence},
                                    {"drop", quality.drop},
                                    {"holds", result}});
  return result;
}

llvm::Error RecipeSearch::unreachable(const Quality &best, StringRef how) const {
  return llvm::createStringError(llvm::formatv("expected {0} to hold on the {1} images of '{2}', found a divergence of "
                                               "{3:e3} and {4:f2} points of accuracy lost {5}",
                                               goal.divergence && goal.drop ? "--max-kl and --max-drop"
                                               : goal.divergence            ? "--max-kl"
                                                                            : "--max-drop",
                                               count, goal.images, best.divergence, best.drop, how));
}

llvm::Expected<RecipeSearch::Snapshot> RecipeSearch::settleLowRank(Recipe &recipe) {
  llvm::Expected<Snapshot> snapshot = prepare(recipe);
  if (!snapshot || recipe.lowRank.empty() || !goal.isBound())
    return snapshot;
  double share = recipe.quantizes() ? 0.5 : 1;
  std::string asked = recipe.lowRank;
  if (holds(recipe, snapshot->quality, share, "--low-rank=" + asked))
    return snapshot;
  std::unique_ptr<MLIRContext> context = makeContext();
  llvm::Expected<OwningOpRef<ModuleOp>> module = load(*context);
  if (!module)
    return module.takeError();
  std::vector<std::string> options = optionsOf(asked);
  double full = fullRank(**module, options);
  auto at = [&](int64_t step) {
    double exponent = double(step) / double(kSteps);
    std::string text = withBudget(
        options, "keep", [&](double keep) { return llvm::formatv("{0:f4}", std::pow(keep, 1 - exponent)).str(); });
    return withBudget(optionsOf(text), "rank", [&](double rank) {
      return std::to_string(std::llround(rank * std::pow(full / rank, exponent)));
    });
  };
  auto tryStep = [&](int64_t step) -> llvm::Expected<bool> {
    Recipe trial = recipe;
    trial.lowRank = at(step);
    llvm::Expected<Snapshot> found = prepare(trial);
    if (!found)
      return found.takeError();
    if (!holds(trial, found->quality, share, "--low-rank=" + trial.lowRank)) {
      if (step == kSteps)
        return unreachable(found->quality, "with --low-rank=" + trial.lowRank);
      return false;
    }
    recipe.lowRank = trial.lowRank;
    snapshot = std::move(found);
    return true;
  };
  if (llvm::Error error = bisect(kSteps, tryStep))
    return error;
  return snapshot;
}

llvm::Error RecipeSearch::measureLayers(const Snapshot &snapshot, const Recipe &recipe) {
  Progress progress("sensitivity, layer", int64_t(snapshot.layers.size()));
  for (const std::string &name : snapshot.layers) {
    progress.advance(int64_t(layers.size()) + 1);
    Recipe alone = recipe;
    alone.restored.clear();
    for (const std::string &other : snapshot.layers)
      if (other != name)
        alone.restored.push_back(other);
    llvm::Expected<Quality> quality = quantized(snapshot, alone, snapshot.logits, std::min(count, kProbes));
    if (!quality)
      return quality.takeError();
    layers.push_back({name, quality->divergence});
  }
  llvm::sort(layers, [](const Layer &a, const Layer &b) {
    return a.divergence != b.divergence ? a.divergence > b.divergence : a.name < b.name;
  });
  return llvm::Error::success();
}

llvm::Error RecipeSearch::settleQuantization(const Snapshot &snapshot, Recipe &recipe) {
  std::string stage = "--quantize=" + recipe.quantize;
  llvm::Expected<Quality> all = quantized(snapshot, recipe, original, count);
  if (!all)
    return all.takeError();
  bool met = holds(recipe, *all, 1, stage);
  if (!met || goal.sensitivities)
    if (llvm::Error error = measureLayers(snapshot, recipe))
      return error;
  if (met)
    return llvm::Error::success();
  auto total = int64_t(layers.size());
  std::vector<std::string> settled;
  auto restore = [&](int64_t some) -> llvm::Expected<bool> {
    Recipe trial = recipe;
    for (const Layer &layer : ArrayRef(layers).take_front(some))
      trial.restored.push_back(layer.name);
    llvm::Expected<Quality> quality = quantized(snapshot, trial, original, count);
    if (!quality)
      return quality.takeError();
    if (!holds(trial, *quality, 1, stage)) {
      if (some == total)
        return unreachable(*quality, "with every layer in f32");
      return false;
    }
    settled = std::move(trial.restored);
    return true;
  };
  if (llvm::Error error = bisect(total, restore))
    return error;
  recipe.restored = std::move(settled);
  return llvm::Error::success();
}

llvm::Expected<Recipe> RecipeSearch::settle(Recipe recipe) {
  std::string lowRankReport = std::move(recipe.lowRankReport);
  recipe.lowRankReport.clear();
  if (llvm::Error error = measureOriginal())
    return error;
  llvm::Expected<Snapshot> snapshot = settleLowRank(recipe);
  if (!snapshot)
    return snapshot.takeError();
  if (recipe.quantizes() && goal.isBound()) {
    if (llvm::Error error = settleQuantization(*snapshot, recipe))
      return error;
  } else if (goal.sensitivities) {
    if (llvm::Error error = measureLayers(*snapshot, recipe))
      return error;
  }
  recipe.lowRankReport = std::move(lowRankReport);
  return recipe;
}

llvm::json::Object RecipeSearch::report() const {
  llvm::json::Object result;
  if (!path.empty())
    result["bound"] = llvm::json::Object{{"images", count},
                                         {"max_kl", goal.divergence ? llvm::json::Value(*goal.divergence) : nullptr},
                                         {"max_drop", goal.drop ? llvm::json::Value(*goal.drop) : nullptr},
                                         {"path", llvm::json::Array(path)}};
  if (goal.sensitivities) {
    llvm::json::Array sensitivities;
    for (const Layer &layer : layers)
      sensitivities.push_back(llvm::json::Object{{"name", layer.name}, {"divergence", layer.divergence}});
    result["sensitivities"] = std::move(sensitivities);
  }
  return result;
}

} // namespace vitya
