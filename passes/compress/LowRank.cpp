// Low-rank factorisation of linear layers: which layers, which ranks, then one rewrite a layer.
#include "dialect/Constants.h"
#include "dialect/Fingerprint.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Threading.h"
#include "passes/Passes.h"
#include "passes/compress/LowRankLayer.h"
#include "passes/compress/SequentialLowRank.h"
#include "passes/compress/Statistics.h"
#include "passes/numerics/RankAllocation.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

namespace vitya {
#define GEN_PASS_DEF_LOWRANKPASS
#include "passes/Passes.h.inc"

namespace {

constexpr double kAsvdAlpha = 0.5;

struct LowRank : impl::LowRankPassBase<LowRank> {
  using LowRankPassBase::LowRankPassBase;

  void runOnOperation() override {
    if (failed(rewrite(getOperation())))
      signalPassFailure();
  }

private:
  LogicalResult checkOptions(ModuleOp module);
  FailureOr<std::vector<LowRankLayer>> selectLayers(ModuleOp module);
  LogicalResult readInputs(ModuleOp module, std::vector<LowRankLayer> &layers);
  LogicalResult planRanks(ModuleOp module, std::vector<LowRankLayer> &layers);
  LogicalResult spendBudget(ModuleOp module, std::vector<LowRankLayer> &layers);
  LogicalResult rewriteEach(std::vector<LowRankLayer> &layers);
  LogicalResult rewriteInSequence(ModuleOp module, std::vector<LowRankLayer> &layers);
  LogicalResult rewrite(ModuleOp module);

  /// Whether layers are fitted one after the other, to the inputs that the ones before leave them.
  bool isSequential() const { return method == LowRankMethod::anchored || method == LowRankMethod::joint; }
  bool spendsBudget() const { return keep.hasValue() && allocation == RankAllocation::spectrum; }
  bool needsInputs() const { return isSequential() ? spendsBudget() : method != LowRankMethod::plain; }
  Factorization factorize(const LowRankLayer &layer) const;
  /// Calls `function` with every index of `layers`, on several threads where the context allows it.
  void forEach(std::vector<LowRankLayer> &layers, llvm::function_ref<void(size_t)> function) {
    parallelFor(&getContext(), 0, layers.size(), function);
  }
};

StringRef nameOf(LowRankMethod method) {
  switch (method) {
  case LowRankMethod::plain:
    return "plain";
  case LowRankMethod::asvd:
    return "asvd";
  case LowRankMethod::whitened:
    return "whitened";
  case LowRankMethod::anchored:
    return "anchored";
  case LowRankMethod::joint:
    return "joint";
  }
  llvm_unreachable("every method has a name");
}

/// As few digits as tell.
std::string shown(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", value);
  return text;
}

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
  if (isSequential() && images.empty())
    return module.emitError("expected images=FILE for method ") << nameOf(method) << ", which replays them, found none";
  if (needsInputs() && images.empty() && statistics.empty())
    return module.emitError("expected images=FILE or statistics=FILE for method ")
           << nameOf(method) << ", found neither";
  return success();
}

/// The dense layers of @main that `layers` matches; a remark for each that is factorised already.
FailureOr<std::vector<LowRankLayer>> LowRank::selectLayers(ModuleOp module) {
  llvm::Regex pattern(layers);
  if (std::string problem; !pattern.isValid(problem))
    return module.emitError("expected layers to be a regular expression, found '")
           << layers.getValue() << "': " << problem;
  auto entry = module.lookupSymbol<func::FuncOp>(kEntryName);
  if (!entry || entry.isExternal())
    return module.emitError("expected a function @") << kEntryName << " with a body";
  std::vector<LowRankLayer> selected;
  llvm::SetVector<StringRef> done;
  int64_t total = 0;
  for (auto op : entry.getOps<LinearOp>()) {
    ++total;
    bool matches = pattern.match(layerNameOf(op));
    if (isFactorised(op)) {
      if (matches && done.insert(layerNameOf(op)))
        emitRemark(op.getLoc()) << "layer '" << layerNameOf(op) << "' is factorised already: left alone";
    } else if (matches) {
      FailureOr<MatrixXd> weight = weightOf(op);
      FailureOr<VectorXd> bias = biasOf(op);
      if (failed(weight) || failed(bias))
        return failure();
      selected.push_back({op, std::move(*weight), std::move(*bias), nullptr, 0, ""});
    }
  }
  if (selected.empty() && done.empty())
    return module.emitError("expected layers to match the name of a linear layer, found '")
           << layers.getValue() << "' to match none of " << total;
  return selected;
}

/// Gives each layer the moments of its input.
LogicalResult LowRank::readInputs(ModuleOp module, std::vector<LowRankLayer> &layers) {
  Statistics moments;
  if (!statistics.empty()) {
    llvm::Expected<Statistics> read = readStatistics(statistics, fingerprint(module));
    if (!read)
      return module.emitError() << llvm::toString(read.takeError());
    moments = std::move(*read);
  } else {
    FailureOr<Calibration> calibration = Calibration::open(module, images, count);
    if (failed(calibration))
      return failure();
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

Factorization LowRank::factorize(const LowRankLayer &layer) const {
  switch (method) {
  case LowRankMethod::plain:
    return Factorization::plain(layer.weight);
  case LowRankMethod::asvd:
    return Factorization::activationAware(layer.weight, *layer.input, kAsvdAlpha);
  default:
    return Factorization::whitened(layer.weight, *layer.input);
  }
}

/// Rows of the input.
int64_t tokensOf(LinearOp op) { return op.getInput().getType().getDimSize(0); }

/// Chooses ranks so that what is left of the layers fits the budget.
LogicalResult LowRank::spendBudget(ModuleOp module, std::vector<LowRankLayer> &layers) {
  std::vector<std::vector<Choice>> choices(layers.size());
  forEach(layers, [&](size_t i) {
    VectorXd energies = factorize(layers[i]).singularValues().array().square();
    choices[i] = choicesOf(layers[i].out(), layers[i].in(), {energies.begin(), energies.end()},
                           budget == LowRankBudget::macs ? double(tokensOf(layers[i].op)) : 1);
  });
  double dense = 0, least = 0;
  for (const std::vector<Choice> &ofLayer : choices) {
    dense += ofLayer.front().cost;
    least += llvm::min_element(ofLayer, [](const Choice &a, const Choice &b) { return a.cost < b.cost; })->cost;
  }
  std::optional<std::vector<size_t>> chosen = allocate(choices, keep * dense);
  if (!chosen)
    return module.emitError("expected keep to be at least ")
           << shown(least / dense) << ", what is left with rank 1 everywhere, found " << shown(keep);
  for (auto [layer, index, ofLayer] : llvm::zip_equal(layers, *chosen, choices)) {
    layer.rank = ofLayer[index].rank;
    layer.whyDense = "keep " + shown(keep) + " is spent best with this layer dense";
  }
  return success();
}

LogicalResult LowRank::planRanks(ModuleOp module, std::vector<LowRankLayer> &layers) {
  if (spendsBudget())
    return spendBudget(module, layers);
  if (rank.hasValue()) {
    int64_t full = 0;
    for (LowRankLayer &layer : layers)
      full = std::max(full, layer.full());
    if (!layers.empty() && rank > full)
      return module.emitError("expected rank to be at most ")
             << full << ", the full rank of a layer, found " << rank.getValue();
  }
  for (LowRankLayer &layer : layers) {
    int64_t breakEven = breakEvenRank(layer.out(), layer.in());
    int64_t wanted =
        rank.hasValue()
            ? int64_t(rank)
            : std::max<int64_t>(1, keep * double(layer.out() * layer.in()) / double(layer.out() + layer.in()));
    layer.rank = wanted < breakEven && !(keep.hasValue() && keep == 1) ? wanted : 0;
    layer.whyDense = llvm::formatv("rank {0} does not pay: {1} x {2} weights need a rank below {3}", wanted,
                                   layer.out(), layer.in(), breakEven);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// The rewrite
//===----------------------------------------------------------------------===//

LogicalResult LowRank::rewriteEach(std::vector<LowRankLayer> &layers) {
  std::vector<Factors> factors(layers.size());
  forEach(layers, [&](size_t i) {
    if (layers[i].rank > 0)
      factors[i] = factorize(layers[i]).truncate(layers[i].rank);
  });
  for (auto [layer, pair] : llvm::zip_equal(layers, factors)) {
    if (layer.rank == 0) {
      layer.stayDense();
      continue;
    }
    Value bias = layer.op.getBias();
    if (layer.input) {
      VectorXd mean = layer.input->mean();
      OpBuilder builder(layer.op);
      bias = makeConstant(builder, layer.op.getLoc(), (layer.op.getLayer() + ".left.bias").str(),
                          correctedBias(layer.bias, layer.weight, mean, pair, mean));
    }
    replaceByFactors(layer.op, pair, bias, llvm::formatv("{0}, rank {1}", nameOf(method), layer.rank));
  }
  return success();
}

LogicalResult LowRank::rewriteInSequence(ModuleOp module, std::vector<LowRankLayer> &layers) {
  FailureOr<Calibration> calibration = Calibration::open(module, images, count);
  if (failed(calibration))
    return failure();
  return factoriseInSequence(module, layers, *calibration, method == LowRankMethod::joint);
}

LogicalResult LowRank::rewrite(ModuleOp module) {
  if (failed(checkOptions(module)))
    return failure();
  FailureOr<std::vector<LowRankLayer>> selected = selectLayers(module);
  if (failed(selected) || (needsInputs() && failed(readInputs(module, *selected))) ||
      failed(planRanks(module, *selected)))
    return failure();

  // From here on the module changes: statistics know it no longer.
  llvm::Regex pattern(layers);
  for (auto op : module.lookupSymbol<func::FuncOp>(kEntryName).getOps<LinearOp>())
    if (!isFactorised(op) && !pattern.match(layerNameOf(op)))
      keepDense(op, "name does not match '" + layers + "'");
  if (failed(isSequential() ? rewriteInSequence(module, *selected) : rewriteEach(*selected)))
    return failure();
  dropConstants(module);
  return success();
}

} // namespace
} // namespace vitya
