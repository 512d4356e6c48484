// What a search within bounds on cost prints and adds to the report.
#include "tools/lib/BudgetSearch.h"
#include "llvm/Support/FormatVariadic.h"
#include <map>

using namespace mlir;

namespace vitya {

static StringRef partOf(MatrixKind kind) {
  switch (kind) {
  case MatrixKind::layer:
    return "weight";
  case MatrixKind::queryKey:
    return "query and key";
  case MatrixKind::valueOutput:
    return "value and output";
  }
  llvm_unreachable("every kind is handled");
}

std::string BudgetSearch::timeText(const Trial &trial) {
  return trial.milliseconds ? llvm::formatv(", {0:f3} ms", *trial.milliseconds).str() : "";
}

void BudgetSearch::record(const Trial &trial) {
  bool holds = meetsCosts(trial) && meetsLoss(trial);
  double predicted = trial.choice.total().loss;
  std::string measured = trial.quality ? llvm::formatv(", measured {0:e3}, {1:f2} points of accuracy lost",
                                                       trial.quality->divergence, trial.quality->drop)
                                             .str()
                                       : "";
  llvm::errs() << llvm::formatv("{0}: remark: {1:n} bytes of weights{2}: predicted divergence {3:e3}{4}: {5}\n", tool,
                                int64_t(trial.bytes), timeText(trial), predicted, measured,
                                holds ? "holds" : "too much");
  ChoiceTrialReport &report = trials.emplace_back();
  report.bytes = int64_t(trial.bytes);
  report.milliseconds = trial.milliseconds;
  report.predictedDivergence = predicted;
  if (trial.quality) {
    report.divergence = trial.quality->divergence;
    report.drop = trial.quality->drop;
  }
  report.holds = holds;
}

void BudgetSearch::explain() const {
  std::map<unsigned, int> byBits;
  int factorized = 0;
  for (const PricedFormat &each : best.choice.formats) {
    ++byBits[each.format.bits];
    factorized += each.format.rank != 0;
  }
  std::string bits;
  for (auto [number, count] : byBits)
    bits += llvm::formatv("{0}{1} {2}", bits.empty() ? "" : ", ", count,
                          number == 32 ? "in f32" : llvm::formatv("of {0} bits", number).str())
                .str();
  llvm::errs() << llvm::formatv("{0}: remark: chose formats of {1} matrices: {2}, {3} of reduced rank\n", tool,
                                best.choice.formats.size(), bits, factorized);
  if (best.choice.natsPerByte > 0)
    llvm::errs() << llvm::formatv("{0}: remark: 1,000 bytes more would save a divergence of about {1:e2}\n", tool,
                                  1e3 * best.choice.natsPerByte);
  if (best.choice.natsPerMillisecond > 0)
    llvm::errs() << llvm::formatv("{0}: remark: 0.01 ms more would save a divergence of about {1:e2}\n", tool,
                                  0.01 * best.choice.natsPerMillisecond);
}

void BudgetSearch::addToReport(ModelReport &report) const {
  ChoiceReport &choice = report.choice.emplace();
  choice.maxBytes = goal.bytes;
  choice.maxMilliseconds = goal.latency;
  choice.maxKl = goal.divergence;
  choice.maxDrop = goal.drop;
  choice.images = validation ? validation->count() : 0;
  CompressText text = textOf(base, matrices, best.choice.chosen());
  choice.lowRank = text.lowRank;
  choice.quantize = text.quantize;
  choice.natsPerByte = best.choice.natsPerByte;
  choice.natsPerMillisecond = best.choice.natsPerMillisecond;
  choice.trials = trials;
  for (auto [matrix, priced] : llvm::zip_equal(matrices, best.choice.formats)) {
    ChosenMatrixReport &record = choice.matrices.emplace_back();
    record.name = matrix.name;
    record.part = partOf(matrix.kind).str();
    if (priced.format.rank)
      record.rank = priced.format.rank;
    record.bits = priced.format.bits;
    record.predictedDivergence = priced.loss;
    record.bytes = int64_t(priced.bytes);
    if (goal.latency)
      record.milliseconds = timeScale * priced.milliseconds;
  }
}

} // namespace vitya
