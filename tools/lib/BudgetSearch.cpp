// Predictions choose, measurements decide: each trial is compiled and loaded in a context of its own, and what it costs
// corrects the parts of the prediction that no choice changes.
#include "tools/lib/BudgetSearch.h"
#include "dialect/support/Errors.h"
#include "dialect/support/Progress.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/analysis/ImageSet.h"
#include "tools/lib/ExecutedModel.h"
#include "tools/lib/SearchSteps.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace vitya {
namespace {

/// Bits to choose from: those that save bytes, and with a bound on time also those that only save time.
constexpr unsigned kBits[] = {4, 8, 32}, kBitsOfTime[] = {4, 6, 7, 8, 32};
/// A trial of the cost is made with as many images: the weights may be bad.
constexpr int64_t kCostImages = 16;
/// Trials before the search gives up, of the cost and of everything.
constexpr int kCostTrials = 6, kTrials = 4;
/// A model may take this share of the bounded time less than it could.
constexpr double kSlack = 0.06;
/// This share of the bytes is left free: biases that come with the fit are only known afterwards.
constexpr double kByteSlack = 0.002;
/// The steps of the budget if only the loss is bounded, in equal ratios from the smallest model to f32.
constexpr int64_t kByteSteps = 32;

/// The bits that quantization of this kind allows.
ArrayRef<unsigned> bitsOf(const CompressText &base, const SearchGoal &goal) {
  ArrayRef<unsigned> all = goal.latency ? ArrayRef(kBitsOfTime) : ArrayRef(kBits);
  return base.quantize == "none" ? all.take_back(1) : all;
}

} // namespace

//===----------------------------------------------------------------------===//
// Losses and costs
//===----------------------------------------------------------------------===//

llvm::Error BudgetSearch::measureLosses() {
  std::unique_ptr<MLIRContext> context = makeErrorContext(registry, tool);
  llvm::Expected<OwningOpRef<ModuleOp>> module = load(*context);
  if (!module)
    return module.takeError();
  llvm::Expected<CompressOptions> options = parseCompressOptions(base, /*prefix=*/"--");
  if (!options)
    return options.takeError();
  LossOptions wanted;
  wanted.images = base.images;
  wanted.probeImages = heldOut.empty() ? base.images : heldOut;
  wanted.layers = "^$"; // without low rank, no layer
  if (options->lowRank) {
    wanted.method = options->lowRank->method;
    wanted.layers = options->lowRank->layers;
    wanted.probes = options->lowRank->probes;
  }
  wanted.gptq = roundingOf(options->quantize) == WeightRounding::gptq;
  FailureOr<ImageSet> images = ImageSet::open(**module, base.images, /*count=*/0);
  if (failed(images))
    return reportedError();
  calibrationImages = images->count();
  FailureOr<std::vector<MatrixLosses>> found = vitya::measureLosses(**module, wanted);
  if (failed(found))
    return reportedError();
  matrices = std::move(*found);
  // Everything that is no matrix: an estimate, which the first trial corrects.
  (*module)->walk([&](arith::ConstantOp op) {
    if (auto type = dyn_cast<RankedTensorType>(op.getType()))
      restBytes += double(type.getNumElements() * sizeof(float));
  });
  for (const MatrixLosses &matrix : matrices)
    restBytes -= bytesOf(matrix, MatrixFormat());
  restBytes = std::max(0.0, restBytes);
  return llvm::Error::success();
}

llvm::Error BudgetSearch::measureTimes() {
  ArrayRef<unsigned> allBits = bitsOf(base, goal);
  Progress progress("time of kernels, bits", int64_t(allBits.size()));
  for (auto [i, bits] : llvm::enumerate(allBits)) {
    progress.advance(int64_t(i) + 1);
    for (const std::vector<MatrixFormat> &formats : KernelTimes::formatsToMeasure(matrices, bits)) {
      ImageTime time;
      llvm::Expected<Trial> trial = compile(formats, Effort::cost, &time);
      if (!trial)
        return trial.takeError();
      times.add(matrices, formats, time);
    }
  }
  return llvm::Error::success();
}

void BudgetSearch::price() {
  for (const MatrixLosses &matrix : matrices) {
    std::vector<PricedFormat> &formats = priced.emplace_back();
    std::vector<int64_t> ranks{0};
    ranks.insert(ranks.end(), matrix.ranks.begin(), matrix.ranks.end());
    for (unsigned bits : bitsOf(base, goal))
      for (int64_t rank : ranks) {
        MatrixFormat format{rank, bits};
        formats.push_back({format, matrix.loss(format), bytesOf(matrix, format),
                           goal.latency ? times.milliseconds(matrix, format) : 0});
      }
  }
}

//===----------------------------------------------------------------------===//
// Trials
//===----------------------------------------------------------------------===//

llvm::Expected<BudgetSearch::Trial> BudgetSearch::compile(ArrayRef<MatrixFormat> formats, Effort effort,
                                                          ImageTime *imageTime) const {
  CompressText text = textOf(base, matrices, formats);
  if (effort == Effort::cost)
    text.count = std::min(calibrationImages, kCostImages);
  llvm::Expected<CompressOptions> options = parseCompressOptions(text, /*prefix=*/"--");
  if (!options)
    return options.takeError();
  Trial trial;
  trial.options = *options;
  if (effort == Effort::cost) {
    options->fit.reset();
    std::visit(
        [](auto &quantize) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(quantize)>, std::monostate>)
            quantize.rounding = WeightRounding::nearest;
        },
        options->quantize);
  }
  bool isMeasured = effort == Effort::full && validation;
  llvm::Expected<ExecutedModel> model = compressAndExecute(registry, load, tool, *options, goal.latency.has_value(),
                                                           isMeasured ? &validation->images() : nullptr);
  if (!model)
    return model.takeError();
  trial.bytes = double(model->weightBytes);
  if (model->time)
    trial.milliseconds = model->time->total;
  if (model->time && imageTime)
    *imageTime = std::move(*model->time);
  if (isMeasured)
    trial.quality = validation->compare(validation->logits(), model->logits);
  return trial;
}

llvm::Expected<BudgetSearch::Trial> BudgetSearch::attempt(FormatChoice choice, Effort effort) {
  llvm::Expected<Trial> trial = compile(choice.chosen(), effort);
  if (!trial)
    return trial.takeError();
  PricedFormat total = choice.total();
  restBytes = trial->bytes - total.bytes;
  if (trial->milliseconds)
    timeScale = *trial->milliseconds / (times.rest() + total.milliseconds);
  trial->choice = std::move(choice);
  if (effort == Effort::full)
    record(*trial);
  else if (meetsCosts(*trial) && (!weighed || total.loss < weighed->total().loss))
    weighed = trial->choice;
  return trial;
}

//===----------------------------------------------------------------------===//
// The search
//===----------------------------------------------------------------------===//

bool BudgetSearch::meetsCosts(const Trial &trial) const {
  return (!goal.bytes || trial.bytes <= *goal.bytes) && (!goal.latency || *trial.milliseconds <= *goal.latency);
}

std::optional<FormatChoice> BudgetSearch::chooseWithinCosts(double margin) const {
  CostBounds bounds;
  if (goal.bytes)
    bounds.bytes = (1 - kByteSlack) * *goal.bytes - restBytes;
  if (goal.latency)
    bounds.milliseconds = margin * *goal.latency / timeScale - times.rest();
  return chooseFormats(priced, bounds);
}

bool BudgetSearch::isCloseTo(double milliseconds, const Trial &trial) {
  return *trial.milliseconds <= milliseconds &&
         (*trial.milliseconds >= (1 - kSlack) * milliseconds || trial.choice.natsPerMillisecond == 0);
}

llvm::Error BudgetSearch::checkCheapest() {
  FormatChoice cheapest;
  for (const std::vector<PricedFormat> &formats : priced)
    cheapest.formats.push_back(*llvm::min_element(formats, [&](const PricedFormat &a, const PricedFormat &b) {
      return goal.bytes ? a.bytes < b.bytes : a.milliseconds < b.milliseconds;
    }));
  llvm::Expected<Trial> trial = attempt(cheapest, Effort::cost);
  if (!trial)
    return trial.takeError();
  if (meetsCosts(*trial))
    return llvm::Error::success();
  std::string expected, found;
  if (goal.bytes) {
    expected = llvm::formatv("at most {0:n} bytes of weights", int64_t(*goal.bytes)).str();
    found = llvm::formatv("{0:n} bytes", int64_t(trial->bytes)).str();
  }
  if (goal.latency) {
    expected += llvm::formatv("{0}at most {1} ms", expected.empty() ? "" : " and ", *goal.latency).str();
    found += llvm::formatv("{0}{1:f3} ms", found.empty() ? "" : " and ", *trial->milliseconds).str();
  }
  return makeError("expected bounds that a choice of ranks and bits can meet, {0}, found {1} with the {2} formats of "
                   "all matrices",
                   expected, found, goal.bytes ? "smallest" : "fastest");
}

llvm::Error BudgetSearch::lossUnreachable(const Trial &trial) const {
  return makeError("expected {0} to hold on the {1} images of '{2}', found a divergence of {3:e3} and {4:f2} points of "
                   "accuracy lost within the bounds on cost",
                   goal.lossFlags(), validation->count(), heldOut, trial.quality->divergence, trial.quality->drop);
}

llvm::Expected<BudgetSearch::Trial> BudgetSearch::searchCosts() {
  double margin = 1 - kSlack / 3;
  std::optional<Trial> last, held;
  for (int i = 0; i < kTrials; ++i) {
    weighed.reset();
    std::optional<FormatChoice> choice = chooseWithinCosts(margin);
    // Costs are predicted only roughly, and quicker to measure than the loss.
    for (int j = 0; j < kCostTrials && choice; ++j) {
      llvm::Expected<Trial> trial = attempt(*choice, Effort::cost);
      if (!trial)
        return trial.takeError();
      if (meetsCosts(*trial) && (!goal.latency || isCloseTo(margin * *goal.latency, *trial)))
        break;
      choice = chooseWithinCosts(margin);
    }
    if (!weighed)
      if (llvm::Error error = checkCheapest())
        return std::move(error);
    llvm::Expected<Trial> trial = attempt(*weighed, Effort::full);
    if (!trial)
      return trial.takeError();
    if (meetsCosts(*trial) && !meetsLoss(*trial))
      return held ? llvm::Expected<Trial>(std::move(*held)) : lossUnreachable(*trial);
    if (meetsCosts(*trial)) {
      if (!goal.latency || isCloseTo(*goal.latency, *trial))
        return trial;
      // The time was overestimated: another choice may lose less.
      if (!held || trial->choice.total().loss < held->choice.total().loss)
        held = std::move(*trial);
      continue;
    }
    if (goal.latency)
      margin *= std::min(1.0, *goal.latency / *trial->milliseconds);
    last = std::move(*trial);
  }
  if (held)
    return std::move(*held);
  return makeError(
      "expected a choice of ranks and bits that meets the bounds on cost in {0} trials, found {1:n} bytes of "
      "weights{2} in the last",
      kTrials, int64_t(last->bytes), timeText(*last));
}

llvm::Expected<BudgetSearch::Trial> BudgetSearch::searchBytes() {
  double smallest = 0, largest = 0;
  for (const std::vector<PricedFormat> &formats : priced) {
    auto [least, most] = std::minmax_element(
        formats.begin(), formats.end(), [](const PricedFormat &a, const PricedFormat &b) { return a.bytes < b.bytes; });
    smallest += least->bytes;
    largest += most->bytes;
  }
  std::optional<Trial> found;
  auto holds = [&](int64_t step) -> llvm::Expected<bool> {
    CostBounds bounds;
    bounds.bytes = 1.000001 * smallest * std::pow(largest / smallest, double(step) / double(kByteSteps));
    llvm::Expected<Trial> trial = attempt(*chooseFormats(priced, bounds), Effort::full);
    if (!trial)
      return trial.takeError();
    if (!meetsLoss(*trial)) {
      if (step == kByteSteps)
        return lossUnreachable(*trial);
      return false;
    }
    found = std::move(*trial);
    return true;
  };
  if (llvm::Error error = bisect(kByteSteps, holds))
    return std::move(error);
  return std::move(*found);
}

llvm::Expected<CompressOptions> BudgetSearch::run() {
  if (llvm::Error error = measureLosses())
    return error;
  if (!heldOut.empty()) {
    llvm::Expected<Validation> created = Validation::create(registry, load, tool, heldOut, goal.labels());
    if (!created)
      return created.takeError();
    validation = std::move(*created);
  }
  if (goal.latency)
    if (llvm::Error error = measureTimes())
      return error;
  price();
  llvm::Expected<Trial> found = goal.isCostBounded() ? searchCosts() : searchBytes();
  if (!found)
    return found.takeError();
  best = std::move(*found);
  explain();
  return best.options;
}

} // namespace vitya
