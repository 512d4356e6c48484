// The pass vitya-low-rank: selects layers, plans their ranks and rewrites them.
#include "dialect/Fingerprint.h"
#include "dialect/support/WriteOutput.h"
#include "mlir/IR/Threading.h"
#include "passes/lowrank/LayerRewrite.h"
#include "passes/lowrank/LowRankReport.h"
#include "passes/lowrank/Passes.h"
#include "passes/lowrank/RankPlan.h"
#include "passes/lowrank/SequentialLowRank.h"
#include "llvm/Support/DebugLog.h"
#include "llvm/Support/Regex.h"

#define DEBUG_TYPE "vitya-low-rank"

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

#include "passes/lowrank/PassEnums.cpp.inc"

namespace vitya {
#define GEN_PASS_DEF_LOWRANKPASS
#include "passes/lowrank/Passes.h.inc"

namespace {

struct LowRank : impl::LowRankPassBase<LowRank> {
  using LowRankPassBase::LowRankPassBase;
  LowRank(LowRankPassOptions options, ModelReport *sharedReport)
      : LowRankPassBase(std::move(options)), sharedReport(sharedReport) {}

  /// In the order of Passes.td.
  LowRankPassOptions options() const {
    return {rank.getValue(), keep.getValue(), llvm::to_vector(ArrayRef<std::string>(ranks)),
            budget,          allocation,      method,
            layers,          images,          count,
            statistics,      refit,           probes,
            report};
  }

  void runOnOperation() override {
    if (failed(compress(getOperation())))
      signalPassFailure();
  }

private:
  LogicalResult checkOptions(ModuleOp module);
  FailureOr<RankPlan> planRanks(ModuleOp module, Candidates &candidates, const ImageSet *imageSet);
  LowRankOutcome factorizeEach(ArrayRef<CandidateLayer> layers, const RankPlan &plan);
  LogicalResult compress(ModuleOp module);

  bool isReported() const { return sharedReport || !report.empty(); }
  LogicalResult addToReports(ModuleOp module, const LowRankOutcome &outcome, StringRef originalFingerprint);

  /// Whether layers are fitted in program order to the inputs that the compressed layers before them produce.
  bool isSequential() const { return isAnchored(method) || refit; }
  bool allocatesBySpectrum() const { return keep.has_value() && allocation == RankAllocation::spectrum; }
  bool needsMoments() const { return isAnchored(method) ? allocatesBySpectrum() : method != LowRankMethod::plain; }

  ModelReport *sharedReport = nullptr; ///< of the pipeline that this pass is a part of; may be null
};

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

LogicalResult LowRank::checkOptions(ModuleOp module) {
  if (int given = rank.has_value() + keep.has_value() + !ranks.empty(); given != 1)
    return module.emitError("expected one of rank=N, keep=SHARE and ranks=NAME:N, found ")
           << (given == 0 ? "none" : "several");
  if (rank.has_value() && *rank <= 0)
    return module.emitError("expected rank to be positive, found ") << *rank;
  if (keep.has_value() && !(*keep > 0 && *keep <= 1))
    return module.emitError("expected keep to be above 0 and at most 1, found ") << toShortString(*keep);
  if (!keep.has_value() && (budget != LowRankBudget::parameters || allocation != RankAllocation::spectrum))
    return module.emitError("expected budget and allocation with keep=SHARE, found ")
           << (rank.has_value() ? "rank=" + std::to_string(*rank) : "ranks=" + ranks[0]);
  if (probes < 0)
    return module.emitError("expected probes to be at least 0, found ") << probes.getValue();
  if (method == LowRankMethod::joint && allocatesBySpectrum() && probes == 0)
    return module.emitError("expected probes to be positive for method joint, whose spectra have no other common "
                            "scale, found 0");
  if (refit && isAnchored(method))
    return module.emitError("expected refit with method plain, asvd or whitened, found ")
           << stringifyLowRankMethod(method) << ", which fits all factors";
  if (isSequential() && images.empty())
    return module.emitError("expected images=FILE for ")
           << (refit ? "refit" : "method " + stringifyLowRankMethod(method).str())
           << ", which replays them, found none";
  if (needsMoments() && images.empty() && statistics.empty())
    return module.emitError("expected images=FILE or statistics=FILE for method ")
           << stringifyLowRankMethod(method) << ", found neither";
  return success();
}

//===----------------------------------------------------------------------===//
// Ranks
//===----------------------------------------------------------------------===//

FailureOr<RankPlan> LowRank::planRanks(ModuleOp module, Candidates &candidates, const ImageSet *imageSet) {
  if (allocatesBySpectrum())
    return planBySpectrum(module, candidates, {*keep, budget, method, probes ? imageSet : nullptr, probes});
  if (keep.has_value())
    return planUniformShare(candidates, *keep, budget);
  if (!ranks.empty())
    return planByName(module, candidates, llvm::to_vector(ArrayRef<std::string>(ranks)));
  int64_t full = 0;
  for (const CandidateLayer &layer : candidates.layers)
    full = std::max(full, layer.fullRank());
  if (!candidates.layers.empty() && *rank > full)
    return module.emitError("expected rank to be at most ") << full << ", the full rank of a layer, found " << *rank;
  return planUniformRank(candidates, *rank);
}

//===----------------------------------------------------------------------===//
// Rewrite
//===----------------------------------------------------------------------===//

/// E||(W - A B) x||^2 for x without its mean, or the squared error of the weight if the moments of x are not known.
double errorOf(const CandidateLayer &layer, const Factors &factors) {
  MatrixXd error = layer.weight - factors.left * factors.right;
  return layer.input ? (error * layer.input->covariance()).cwiseProduct(error).sum() : error.squaredNorm();
}

/// Factorises the layers independently of each other.
LowRankOutcome LowRank::factorizeEach(ArrayRef<CandidateLayer> layers, const RankPlan &plan) {
  struct Truncation {
    Factors factors;
    VectorXd spectrum;
    std::optional<double> error;
  };
  std::vector<Truncation> truncations(layers.size());
  parallelFor(&getContext(), 0, layers.size(), [&](size_t i) {
    int64_t planned = plan.layers[i].rank;
    if (planned == 0)
      return;
    Factorization factorization = factorize(method, layers[i]);
    truncations[i] = {factorization.truncate(planned), factorization.singularValues(), std::nullopt};
    if (isReported())
      truncations[i].error = errorOf(layers[i], truncations[i].factors);
  });
  LowRankOutcome outcome;
  for (auto [layer, planned, truncation] : llvm::zip_equal(layers, plan.layers, truncations)) {
    if (planned.rank == 0) {
      outcome.layers.push_back(leaveDense(layer, planned.denseReason));
      continue;
    }
    Value bias = LinearOp(layer.op).getBias();
    if (layer.input) {
      VectorXd mean = layer.input->mean();
      bias = createCorrectedBias(layer, truncation.factors, mean, mean);
    }
    FactorizedLayer factorized =
        replaceLayer(layer, truncation.factors, truncation.spectrum, bias, stringifyLowRankMethod(method));
    factorized.outcome.measuredError = truncation.error;
    outcome.layers.push_back(std::move(factorized.outcome));
  }
  return outcome;
}

LogicalResult LowRank::compress(ModuleOp module) {
  if (failed(checkOptions(module)))
    return failure();
  FailureOr<std::vector<CandidateLayer>> selected = selectLayers(module, layers);
  if (failed(selected))
    return failure();
  std::optional<ImageSet> opened;
  if (!images.empty()) {
    FailureOr<ImageSet> imageSet = ImageSet::open(module, images, count);
    if (failed(imageSet))
      return failure();
    opened = std::move(*imageSet);
  }
  const ImageSet *imageSet = opened ? &*opened : nullptr;
  Candidates candidates;
  candidates.layers = std::move(*selected);
  if (method == LowRankMethod::joint)
    candidates.attentions = selectAttentions(candidates.layers);
  if (needsMoments() && failed(readMoments(module, candidates.layers, statistics, imageSet)))
    return failure();
  FailureOr<RankPlan> plan = planRanks(module, candidates, imageSet);
  if (failed(plan))
    return failure();

  // The rewrite changes the fingerprint, to which the report and statistics belong.
  std::string originalFingerprint = isReported() ? fingerprint(module) : "";
  llvm::Regex pattern(layers);
  for (auto op : module.lookupSymbol<func::FuncOp>(kEntryName).getOps<LinearOp>())
    if (!isFactorized(op) && !pattern.match(layerNameOf(op)))
      recordDense(op, "name does not match '" + layers + "'");
  FailureOr<LowRankOutcome> outcome = isSequential() ? factorizeInSequence(module, method, candidates, *plan, *imageSet)
                                                     : factorizeEach(candidates.layers, *plan);
  if (failed(outcome))
    return failure();
  dropConstants(module);
  return addToReports(module, *outcome, originalFingerprint);
}

/// Adds `outcome` to the report of the pipeline, and writes the file that the option `report` requests.
LogicalResult LowRank::addToReports(ModuleOp module, const LowRankOutcome &outcome, StringRef originalFingerprint) {
  if (sharedReport)
    addToReport(outcome, method, originalFingerprint, *sharedReport);
  if (report.empty())
    return success();
  ModelReport own;
  addToReport(outcome, method, originalFingerprint, own);
  llvm::Error error = writeOutput(report, [&](llvm::raw_ostream &os) {
    printJson(own, /*withQuantization=*/false, os);
    return llvm::Error::success();
  });
  if (error)
    return module.emitError() << llvm::toString(std::move(error));
  return success();
}

} // namespace

std::unique_ptr<Pass> createLowRankPass(LowRankPassOptions options, ModelReport *report) {
  return std::make_unique<LowRank>(std::move(options), report);
}

llvm::Expected<LowRankPassOptions> parseLowRankOptions(StringRef flag, StringRef text) {
  return parseOptionsOf<LowRank>(flag, text);
}

} // namespace vitya
