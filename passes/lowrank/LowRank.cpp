// Low-rank factorisation of linear layers: which layers, which ranks, then one rewrite a layer.
#include "dialect/Constants.h"
#include "dialect/Fingerprint.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Threading.h"
#include "passes/lowrank/Passes.h"
#include "passes/lowrank/LowRankPlan.h"
#include "passes/lowrank/LowRankReport.h"
#include "passes/lowrank/SequentialLowRank.h"
#include "passes/analysis/Statistics.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

namespace vitya {
#define GEN_PASS_DEF_LOWRANKPASS
#include "passes/lowrank/Passes.h.inc"

namespace {

struct LowRank : impl::LowRankPassBase<LowRank> {
  using LowRankPassBase::LowRankPassBase;

  void runOnOperation() override {
    if (failed(rewrite(getOperation())))
      signalPassFailure();
  }

private:
  LogicalResult checkOptions(ModuleOp module);
  FailureOr<std::vector<LowRankLayer>> selectLayers(ModuleOp module);
  LogicalResult readInputs(ModuleOp module, std::vector<LowRankLayer> &layers, const ImageSet *calibration);
  LogicalResult planRanks(ModuleOp module, std::vector<LowRankLayer> &layers, std::vector<LowRankAttention> &attentions,
                          const ImageSet *calibration);
  LogicalResult rewriteEach(std::vector<LowRankLayer> &layers);
  LogicalResult rewrite(ModuleOp module);

  /// Whether layers are fitted one after the other, to the inputs that the ones before leave them.
  bool isSequential() const { return isAnchored(method) || refit; }
  bool spendsBudget() const { return keep.hasValue() && allocation == RankAllocation::spectrum; }
  bool needsInputs() const { return isAnchored(method) ? spendsBudget() : method != LowRankMethod::plain; }
};

//===----------------------------------------------------------------------===//
// Which layers
//===----------------------------------------------------------------------===//

LogicalResult LowRank::checkOptions(ModuleOp module) {
  if (rank.hasValue() == keep.hasValue())
    return module.emitError("expected one of rank=N and keep=SHARE, found ") << (rank.hasValue() ? "both" : "neither");
  if (rank.hasValue() && rank <= 0)
    return module.emitError("expected rank to be positive, found ") << rank.getValue();
  if (keep.hasValue() && !(keep > 0 && keep <= 1))
    return module.emitError("expected keep to be above 0 and at most 1, found ") << shown(keep);
  if (rank.hasValue() && (budget.hasValue() || allocation.hasValue()))
    return module.emitError("expected budget and allocation with keep=SHARE, found rank=") << rank.getValue();
  if (probes < 0 || (method == LowRankMethod::joint && spendsBudget() && probes == 0))
    return module.emitError("expected probes to be ")
           << (probes < 0 ? "at least 0" : "positive for method joint, which has no other scale") << ", found "
           << probes.getValue();
  if (refit && isAnchored(method))
    return module.emitError("expected refit with method plain, asvd or whitened, found ")
           << nameOf(method) << ", which fits all factors";
  if (isSequential() && images.empty())
    return module.emitError("expected images=FILE for ")
           << (refit ? "refit" : "method " + nameOf(method).str()) << ", which replays them, found none";
  if (needsInputs() && images.empty() && statistics.empty())
    return module.emitError("expected images=FILE or statistics=FILE for method ")
           << nameOf(method) << ", found neither";
  return success();
}

/// The dense layers of @main that `layers` matches; a remark for each that is factorised already.
FailureOr<std::vector<LowRankLayer>> LowRank::selectLayers(ModuleOp module) {
  FailureOr<llvm::Regex> pattern = patternOf(module, "layers", layers);
  if (failed(pattern))
    return failure();
  FailureOr<func::FuncOp> entry = entryOf(module);
  if (failed(entry))
    return failure();
  std::vector<LowRankLayer> selected;
  llvm::SetVector<StringRef> done;
  int64_t total = 0;
  for (auto op : entry->getOps<LinearOp>()) {
    ++total;
    bool matches = pattern->match(layerNameOf(op));
    if (isFactorised(op)) {
      if (matches && done.insert(layerNameOf(op)))
        emitRemark(op.getLoc()) << "layer '" << layerNameOf(op) << "' is factorised already: left alone";
    } else if (matches) {
      FailureOr<MatrixXd> weight = weightOf(op);
      FailureOr<VectorXd> bias = biasOf(op);
      if (failed(weight) || failed(bias))
        return failure();
      LowRankLayer layer;
      layer.op = op;
      layer.name = layerNameOf(op);
      layer.weight = std::move(*weight);
      layer.bias = std::move(*bias);
      selected.push_back(std::move(layer));
    }
  }
  if (selected.empty() && done.empty())
    return module.emitError("expected layers to match the name of a linear layer, found '")
           << layers.getValue() << "' to match none of " << total;
  return selected;
}

/// Gives each layer the moments of its input.
LogicalResult LowRank::readInputs(ModuleOp module, std::vector<LowRankLayer> &layers, const ImageSet *calibration) {
  Statistics moments;
  if (!statistics.empty()) {
    llvm::Expected<Statistics> read = readStatistics(statistics, fingerprint(module));
    if (!read)
      return module.emitError() << llvm::toString(read.takeError());
    moments = std::move(*read);
  } else {
    SmallVector<LinearOp> ops = llvm::map_to_vector(layers, [](LowRankLayer &layer) { return layer.op; });
    FailureOr<Statistics> collected = collectStatistics(module, ops, *calibration);
    if (failed(collected))
      return failure();
    moments = std::move(*collected);
  }
  LowRankLayer *scarce = nullptr;
  for (LowRankLayer &layer : layers) {
    layer.input = moments.lookup(layer.op.getLayer());
    if (!layer.input || layer.input->width() != layer.in())
      return layer.op.emitOpError("expected statistics of an input of ")
             << layer.in() << " columns in '" << statistics.getValue() << "', found "
             << (layer.input ? std::to_string(layer.input->width()) : "none");
    if (layer.input->count() < layer.in() &&
        (!scarce || layer.input->count() - layer.in() < scarce->input->count() - scarce->in()))
      scarce = &layer;
  }
  if (scarce)
    scarce->warnOfFewTokens(scarce->input->count());
  return success();
}

//===----------------------------------------------------------------------===//
// Which ranks
//===----------------------------------------------------------------------===//

LogicalResult LowRank::planRanks(ModuleOp module, std::vector<LowRankLayer> &layers,
                                 std::vector<LowRankAttention> &attentions, const ImageSet *calibration) {
  if (spendsBudget())
    return SpectrumPlan{keep, budget, method, probes ? calibration : nullptr, probes}.apply(module, layers, attentions);
  int64_t full = 0;
  for (LowRankLayer &layer : layers)
    full = std::max(full, layer.full());
  if (rank.hasValue() && !layers.empty() && rank > full)
    return module.emitError("expected rank to be at most ")
           << full << ", the full rank of a layer, found " << rank.getValue();
  UniformPlan{rank, keep, budget}.apply(layers, attentions);
  return success();
}

//===----------------------------------------------------------------------===//
// The rewrite
//===----------------------------------------------------------------------===//

/// E||(W - A B) x||^2 for x without its mean, or the squared error of the weight where nothing is known of x.
double errorOf(const LowRankLayer &layer, const Factors &factors) {
  MatrixXd error = layer.weight - factors.left * factors.right;
  return layer.input ? (error * layer.input->covariance()).cwiseProduct(error).sum() : error.squaredNorm();
}

LogicalResult LowRank::rewriteEach(std::vector<LowRankLayer> &layers) {
  struct Pair {
    Factors factors;
    VectorXd spectrum;
  };
  std::vector<Pair> pairs(layers.size());
  parallelFor(&getContext(), 0, layers.size(), [&](size_t i) {
    if (layers[i].rank == 0)
      return;
    Factorization factorization = factorize(method, layers[i]);
    pairs[i] = {factorization.truncate(layers[i].rank), factorization.singularValues()};
    if (!report.empty())
      layers[i].measuredError = errorOf(layers[i], pairs[i].factors);
  });
  for (auto [layer, pair] : llvm::zip_equal(layers, pairs)) {
    if (layer.rank == 0) {
      layer.stayDense();
      continue;
    }
    Value bias = layer.op.getBias();
    if (layer.input) {
      VectorXd mean = layer.input->mean();
      OpBuilder builder(layer.op);
      bias = makeConstant(builder, layer.op.getLoc(), (layer.op.getLayer() + ".left.bias").str(),
                          correctedBias(layer.bias, layer.weight, mean, pair.factors, mean));
    }
    layer.replace(pair.factors, pair.spectrum, bias, nameOf(method));
  }
  return success();
}

LogicalResult LowRank::rewrite(ModuleOp module) {
  if (failed(checkOptions(module)))
    return failure();
  FailureOr<std::vector<LowRankLayer>> selected = selectLayers(module);
  if (failed(selected))
    return failure();
  std::optional<ImageSet> calibration;
  if (!images.empty()) {
    FailureOr<ImageSet> opened = ImageSet::open(module, images, count);
    if (failed(opened))
      return failure();
    calibration = std::move(*opened);
  }
  const ImageSet *shownImages = calibration ? &*calibration : nullptr;
  std::vector<LowRankAttention> attentions;
  if (method == LowRankMethod::joint)
    attentions = selectAttentions(*selected);
  if ((needsInputs() && failed(readInputs(module, *selected, shownImages))) ||
      failed(planRanks(module, *selected, attentions, shownImages)))
    return failure();

  // From here on the module changes: statistics know it no longer.
  std::string original = report.empty() ? "" : fingerprint(module);
  llvm::Regex pattern(layers);
  for (auto op : module.lookupSymbol<func::FuncOp>(kEntryName).getOps<LinearOp>())
    if (!isFactorised(op) && !pattern.match(layerNameOf(op)))
      keepDense(op, "name does not match '" + layers + "'");
  if (failed(isSequential() ? factoriseInSequence(module, method, *selected, attentions, *calibration)
                            : rewriteEach(*selected)))
    return failure();
  dropConstants(module);
  if (!report.empty())
    if (llvm::Error error = writeReport(method, original, *selected, attentions, report))
      return module.emitError() << llvm::toString(std::move(error));
  return success();
}

} // namespace
} // namespace vitya
