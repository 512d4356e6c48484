// Bisection over budgets, then over how many of the most sensitive layers stay in f32. Passes free the weights that a
// module no longer uses, so each trial has a context of its own.
#include "tools/lib/CompressionSearch.h"
#include "dialect/VityaOps.h"
#include "dialect/support/Errors.h"
#include "dialect/support/Progress.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "passes/analysis/LinearLayers.h"
#include "passes/pipelines/Pipelines.h"
#include "tools/lib/ModelInput.h"
#include "tools/lib/SearchSteps.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Regex.h"

using namespace mlir;

namespace vitya {
namespace {

/// The sensitivity of a layer is measured on at most this many images.
constexpr int64_t kProbes = 32;

llvm::Error run(PassManager &pm, ModuleOp module) {
  return failed(pm.run(module)) ? reportedError() : llvm::Error::success();
}

/// The bytecode of `module`, in a buffer that is aligned as the resources in it require.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> bytecodeOf(ModuleOp module) {
  std::string bytes;
  llvm::raw_string_ostream os(bytes);
  if (failed(writeBytecodeToFile(module, os)))
    return makeError("expected a module that can be written as bytecode, found one that cannot");
  std::unique_ptr<llvm::WritableMemoryBuffer> buffer =
      llvm::WritableMemoryBuffer::getNewUninitMemBuffer(bytes.size(), "", llvm::Align(64));
  llvm::copy(bytes, buffer->getBufferStart());
  return buffer;
}

/// The text of the flag that selects quantization.
StringRef quantizeFlag(const CompressOptions &options) {
  return options.quantizesStatically() ? "--quantize=static" : "--quantize=dynamic";
}

/// `options` with `names` kept in f32.
CompressOptions withF32(CompressOptions options, ArrayRef<std::string> names) {
  options.keepF32(names);
  return options;
}

} // namespace

//===----------------------------------------------------------------------===//
// Trials
//===----------------------------------------------------------------------===//

llvm::Expected<CompressionSearch::Snapshot> CompressionSearch::prepare(const CompressOptions &options) const {
  std::unique_ptr<MLIRContext> context = makeErrorContext(registry, tool);
  llvm::Expected<OwningOpRef<ModuleOp>> module = load(*context);
  if (!module)
    return module.takeError();
  PassManager pm(context.get());
  buildPreparePipeline(pm, options);
  if (llvm::Error error = vitya::run(pm, **module))
    return error;
  llvm::Expected<std::vector<float>> logits = validation->run(**module, validation->count());
  if (!logits)
    return logits.takeError();

  Snapshot snapshot;
  snapshot.logits = std::move(*logits);
  snapshot.quality = validation->compare(validation->logits(), snapshot.logits);
  llvm::SetVector<StringRef> names;
  (*module)->walk([&](Operation *op) {
    if (auto linear = dyn_cast<LinearOp>(op); linear && linear.isF32())
      names.insert(layerNameOf(linear));
    if (auto attention = dyn_cast<AttentionOp>(op); attention && options.quantizesStatically())
      names.insert(attention.getLayer());
  });
  for (StringRef name : names)
    snapshot.layers.push_back(name.str());
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> bytecode = bytecodeOf(**module);
  if (!bytecode)
    return bytecode.takeError();
  snapshot.bytecode = std::move(*bytecode);
  return snapshot;
}

llvm::Expected<Quality> CompressionSearch::measureQuantized(const Snapshot &snapshot, const CompressOptions &options,
                                                            ArrayRef<float> expected, int64_t images) const {
  std::unique_ptr<MLIRContext> context = makeErrorContext(registry, tool);
  llvm::Expected<OwningOpRef<ModuleOp>> module = parseModule(*context, *snapshot.bytecode);
  if (!module)
    return module.takeError();
  PassManager pm(context.get());
  buildQuantizePipeline(pm, options);
  if (llvm::Error error = vitya::run(pm, **module))
    return error;
  llvm::Expected<std::vector<float>> logits = validation->run(**module, images);
  if (!logits)
    return logits.takeError();
  return validation->compare(expected, *logits);
}

llvm::Expected<int64_t> CompressionSearch::fullRank(const LowRankPassOptions &options) const {
  std::unique_ptr<MLIRContext> context = makeErrorContext(registry, tool);
  llvm::Expected<OwningOpRef<ModuleOp>> module = load(*context);
  if (!module)
    return module.takeError();
  llvm::Regex selected(options.layers);
  int64_t full = 1;
  (*module)->walk([&](LinearOp op) {
    if (selected.match(layerNameOf(op)))
      full = std::max(full, *llvm::min_element(op.getWeight().getType().getShape()));
  });
  return full;
}

//===----------------------------------------------------------------------===//
// The search
//===----------------------------------------------------------------------===//

bool CompressionSearch::record(StringRef stage, const CompressOptions &options, ArrayRef<std::string> restored,
                               const Quality &quality, double share) {
  bool holds = goal.holds(quality, share);
  std::string inF32 = restored.empty() ? "" : llvm::formatv(", {0} in f32", restored.size()).str();
  llvm::errs() << llvm::formatv("{0}: remark: {1}{2}: divergence {3:e3}, {4:f2} points of accuracy lost: {5}\n", tool,
                                stage, inF32, quality.divergence, quality.drop, holds ? "holds" : "too much");
  trials.push_back({stage.str(), options.lowRank ? budgetText(*options.lowRank) : "", restored.vec(),
                    quality.divergence, quality.drop, holds});
  return holds;
}

llvm::Error CompressionSearch::unreachable(const Quality &best, StringRef how) const {
  return makeError("expected {0} to hold on the {1} images of '{2}', found a divergence of "
                   "{3:e3} and {4:f2} points of accuracy lost {5}",
                   goal.lossFlags(), validation->count(), goal.images, best.divergence, best.drop, how);
}

llvm::Expected<CompressionSearch::Snapshot> CompressionSearch::searchBudget(CompressOptions &options) {
  llvm::Expected<Snapshot> snapshot = prepare(options);
  if (!snapshot || !options.lowRank || !goal.isBounded())
    return snapshot;
  double share = options.quantizes() ? 0.5 : 1;
  auto stage = [](const CompressOptions &trial) { return "--low-rank=" + budgetText(*trial.lowRank); };
  if (record(stage(options), options, /*restored=*/{}, snapshot->quality, share))
    return snapshot;
  LowRankPassOptions requested = *options.lowRank;
  llvm::Expected<int64_t> full = fullRank(requested);
  if (!full)
    return full.takeError();
  auto holds = [&](int64_t step) -> llvm::Expected<bool> {
    CompressOptions trial = options;
    trial.lowRank = enlargeBudget(requested, step, *full);
    llvm::Expected<Snapshot> found = prepare(trial);
    if (!found)
      return found.takeError();
    if (!record(stage(trial), trial, /*restored=*/{}, found->quality, share)) {
      if (step == kBudgetSteps)
        return unreachable(found->quality, "with " + stage(trial));
      return false;
    }
    options = std::move(trial);
    snapshot = std::move(found);
    return true;
  };
  if (llvm::Error error = bisect(kBudgetSteps, holds))
    return error;
  return snapshot;
}

llvm::Error CompressionSearch::measureSensitivities(const Snapshot &snapshot, const CompressOptions &options) {
  Progress progress("sensitivity, layer", int64_t(snapshot.layers.size()));
  for (const std::string &name : snapshot.layers) {
    progress.advance(int64_t(sensitivities.size()) + 1);
    std::vector<std::string> others;
    llvm::copy_if(snapshot.layers, std::back_inserter(others), [&](StringRef other) { return other != name; });
    llvm::Expected<Quality> quality =
        measureQuantized(snapshot, withF32(options, others), snapshot.logits, std::min(validation->count(), kProbes));
    if (!quality)
      return quality.takeError();
    sensitivities.push_back({name, quality->divergence});
  }
  llvm::sort(sensitivities, [](const SensitivityReport &a, const SensitivityReport &b) {
    return a.divergence != b.divergence ? a.divergence > b.divergence : a.layer < b.layer;
  });
  return llvm::Error::success();
}

llvm::Error CompressionSearch::searchLayers(const Snapshot &snapshot, CompressOptions &options) {
  StringRef stage = quantizeFlag(options);
  llvm::Expected<Quality> all = measureQuantized(snapshot, options, validation->logits(), validation->count());
  if (!all)
    return all.takeError();
  bool met = record(stage, options, /*restored=*/{}, *all, /*share=*/1);
  if (!met || goal.sensitivities)
    if (llvm::Error error = measureSensitivities(snapshot, options))
      return error;
  if (met)
    return llvm::Error::success();
  auto total = int64_t(sensitivities.size());
  std::vector<std::string> restored;
  auto holds = [&](int64_t number) -> llvm::Expected<bool> {
    std::vector<std::string> names;
    for (const SensitivityReport &each : ArrayRef(sensitivities).take_front(number))
      names.push_back(each.layer);
    llvm::Expected<Quality> quality =
        measureQuantized(snapshot, withF32(options, names), validation->logits(), validation->count());
    if (!quality)
      return quality.takeError();
    if (!record(stage, options, names, *quality, /*share=*/1)) {
      if (number == total)
        return unreachable(*quality, "with every layer in f32");
      return false;
    }
    restored = std::move(names);
    return true;
  };
  if (llvm::Error error = bisect(total, holds))
    return error;
  options.keepF32(restored);
  return llvm::Error::success();
}

llvm::Expected<CompressOptions> CompressionSearch::run(CompressOptions options) {
  llvm::Expected<Validation> original = Validation::create(registry, load, tool, goal.images, goal.labels());
  if (!original)
    return original.takeError();
  validation = std::move(*original);
  // Trials write no report.
  std::string report;
  if (options.lowRank)
    std::swap(report, options.lowRank->report);
  llvm::Expected<Snapshot> snapshot = searchBudget(options);
  if (!snapshot)
    return snapshot.takeError();
  if (options.quantizes() && goal.isBounded()) {
    if (llvm::Error error = searchLayers(*snapshot, options))
      return error;
  } else if (goal.sensitivities) {
    if (llvm::Error error = measureSensitivities(*snapshot, options))
      return error;
  }
  if (options.lowRank)
    std::swap(report, options.lowRank->report);
  return options;
}

void CompressionSearch::addToReport(ModelReport &report) const {
  if (!trials.empty())
    report.bound = BoundReport{validation->count(), goal.divergence, goal.drop, trials};
  if (goal.sensitivities)
    report.sensitivities = sensitivities;
}

} // namespace vitya
