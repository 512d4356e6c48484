// Every layer, and both products of every attention, is a list of choices of one Lagrangian. Errors of different layers
// have a common scale once each is multiplied by the divergence of the predictions per unit of its own error, measured
// with only this layer cut to about what the budget will leave of it.
#include "passes/lowrank/LowRankPlan.h"
#include "dialect/support/Progress.h"
#include "mlir/IR/Threading.h"
#include "passes/lowrank/Sensitivity.h"
#include "passes/numerics/RankAllocation.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include <map>
#include <numeric>

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

namespace vitya {
namespace {

/// Measurements, each at the ranks that the one before led to: errors are not linear in what a layer loses.
constexpr int kRounds = 3;
/// A cut that is measured loses at least this share of a spectrum's energy, so that rounding does not decide.
constexpr double kLeastLoss = 1e-4;

constexpr double kAsvdAlpha = 0.5;

/// Something with a rank of its own: a layer, or the query-key or value-output products of an attention.
struct Unit {
  double dense = 0;      ///< cost as it is
  double costOfRank = 0; ///< cost of each rank
  std::vector<double> energies;
  double sensitivity = 0; ///< error of the predictions per unit of energy that is lost, once measured

  int64_t probe = 0;                          ///< the rank at which it is measured; 0: at what the budget leaves of it
  std::map<int64_t, double> divergences = {}; ///< of the predictions, by the ranks of all rounds so far

  double lostAt(int64_t rank) const { return std::accumulate(energies.begin() + rank, energies.end(), 0.0); }
  /// The rank at which to measure, at most what `keep` leaves, and such that the loss can be told from rounding.
  int64_t probeFor(double keep) const {
    double least = kLeastLoss * lostAt(0);
    int64_t rank = std::min(int64_t(energies.size()), int64_t(keep * dense / costOfRank));
    while (rank > 1 && lostAt(rank) < least)
      --rank;
    return std::max<int64_t>(rank, 1);
  }
  /// Takes what was measured at `probe`; between it and what was known before, so that rounds do not swing.
  void update() {
    double lost = lostAt(probe), found = lost > 0 ? divergences.at(probe) / lost : 0;
    sensitivity = sensitivity > 0 ? std::sqrt(sensitivity * found) : found;
  }
  std::vector<Choice> choices() const {
    std::vector<double> errors;
    for (double energy : energies)
      errors.push_back(energy * sensitivity);
    return choicesOf(dense, costOfRank, errors);
  }
};

/// The energies of a product of all heads.
template <typename Heads>
std::vector<double> energiesOf(const Heads &heads) {
  VectorXd energies = double(heads.size()) * meanSpectrum(heads).array().square();
  return {energies.begin(), energies.end()};
}

Unit unitOf(LowRankLayer &layer, LowRankBudget budget) {
  double scale = budget == LowRankBudget::macs ? double(layer.tokens()) : 1;
  return {scale * double(layer.elements()), scale * double(layer.out() + layer.in()), {}};
}

/// The cost of one row of every head: of query and key, and of value and output.
std::pair<double, double> costsOfWidth(LowRankAttention &attention, LowRankBudget budget) {
  AttentionMaps &maps = attention.maps;
  double heads = double(maps.heads()), in = double(attention.layers.front()->in()),
         out = double(attention.output().out());
  if (budget == LowRankBudget::parameters)
    return {heads * 2 * in, heads * (in + out)};
  double queries = double(maps.queries()), keys = double(maps.keys());
  // Products of the attention itself come to those of its layers.
  return {heads * ((queries + keys) * in + queries * keys), heads * (keys * in + queries * out + queries * keys)};
}

std::pair<Unit, Unit> unitsOf(LowRankAttention &attention, LowRankBudget budget) {
  auto [queryKey, value] = costsOfWidth(attention, budget);
  HeadWidths full = attention.maps.widths();
  return {{double(full.queryKey) * queryKey, queryKey, {}}, {double(full.value) * value, value, {}}};
}

/// Measures sensitivities, and finds the spectra of attentions on the way.
class Measurement {
public:
  Measurement(ModuleOp module, const SpectrumPlan &plan)
      : model(module.lookupSymbol<func::FuncOp>(kEntryName), *plan.images, std::min(plan.images->count(), plan.probes)),
        plan(plan) {}

  LogicalResult measure(LowRankLayer &layer, Unit &unit) {
    return measure(unit, layer.op, [&](ArrayRef<reference::Tensor>) -> FailureOr<SmallVector<Change>> {
      Factors factors = factorize(plan.method, layer).truncate(prepare(unit));
      VectorXd mean = layer.input ? layer.input->mean() : VectorXd::Zero(layer.in());
      return SmallVector<Change>{
          {layer.op, {factors.left * factors.right, correctedBias(layer.bias, layer.weight, mean, factors, mean)}}};
    });
  }

  LogicalResult measure(LowRankAttention &attention, Unit &queryKey, Unit &value) {
    HeadWidths full = attention.maps.widths();
    auto cut = [&](Unit &unit, auto factorise, auto cutTo, int64_t width) {
      return measure(unit, attention.firstOp(), [&](ArrayRef<reference::Tensor> tokens) {
        FailureOr<AttentionWeights> weights = attention.maps.readWeights();
        if (failed(weights))
          return FailureOr<SmallVector<Change>>();
        auto heads = (attention.maps.*factorise)(*weights, tokens);
        unit.energies = energiesOf(heads);
        ((*weights).*cutTo)(heads, prepare(unit), width);
        return FailureOr(changesTo(attention.maps, *weights));
      });
    };
    return failure(
        failed(cut(queryKey, &AttentionMaps::factoriseQueryKey, &AttentionWeights::cutQueryKey, full.queryKey)) ||
        failed(cut(value, &AttentionMaps::factoriseValue, &AttentionWeights::cutValue, full.value)));
  }

private:
  static SmallVector<Change> changesTo(AttentionMaps &maps, const AttentionWeights &weights) {
    SmallVector<Change> changes;
    for (LinearOp op : maps.inputs())
      changes.push_back({op, maps.mapOf(op, weights)});
    changes.push_back({maps.output(), maps.mapOf(maps.output(), weights)});
    return changes;
  }
  /// Settles the rank of the first measurement.
  int64_t prepare(Unit &unit) const {
    if (!unit.probe)
      unit.probe = unit.probeFor(plan.keep);
    return unit.probe;
  }
  /// Measures what `cut` makes of the inputs of `first`, unless an earlier round did so at this very rank: the model is
  /// the original one but for this cut, so the same would come out.
  LogicalResult measure(Unit &unit, LinearOp first,
                        llvm::function_ref<FailureOr<SmallVector<Change>>(ArrayRef<reference::Tensor>)> cut) {
    if (!unit.divergences.count(unit.probe)) {
      FailureOr<ArrayRef<reference::Tensor>> inputs = model.advanceTo(first);
      if (failed(inputs))
        return failure();
      FailureOr<SmallVector<Change>> changes = cut(*inputs);
      if (failed(changes))
        return failure();
      FailureOr<double> divergence = model.divergence(*changes);
      if (failed(divergence))
        return failure();
      unit.divergences[unit.probe] = *divergence;
    }
    unit.update();
    return success();
  }

  Sensitivity model;
  const SpectrumPlan &plan;
};

} // namespace

Factorization factorize(LowRankMethod method, const LowRankLayer &layer) {
  switch (method) {
  case LowRankMethod::plain:
    return Factorization::plain(layer.weight);
  case LowRankMethod::asvd:
    return Factorization::activationAware(layer.weight, *layer.input, kAsvdAlpha);
  case LowRankMethod::whitened:
  case LowRankMethod::anchored:
  case LowRankMethod::joint:
    return Factorization::whitened(layer.weight, *layer.input);
  }
  llvm_unreachable("every method is handled");
}

std::string shown(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", value);
  return text;
}

std::vector<LowRankAttention> selectAttentions(MutableArrayRef<LowRankLayer> layers) {
  std::vector<LowRankAttention> selected;
  if (layers.empty())
    return selected;
  llvm::DenseMap<Operation *, LowRankLayer *> byOp;
  for (LowRankLayer &layer : layers)
    byOp[layer.op] = &layer;
  for (auto attention : layers.front().op->getBlock()->getOps<AttentionOp>()) {
    llvm::Expected<AttentionMaps> maps = AttentionMaps::match(attention);
    auto isSelected = [&](LinearOp op) { return byOp.contains(op); };
    if (maps && llvm::none_of(maps->inputs(), isSelected) && !isSelected(maps->output()))
      continue;
    if (!maps || !llvm::all_of(maps->inputs(), isSelected) || !isSelected(maps->output())) {
      std::string reason = maps ? "not all of its layers are to be factorised" : llvm::toString(maps.takeError());
      emitRemark(attention.getLoc()) << "attention '" << attention.getLayer() << "' keeps its heads: " << reason
                                     << "; its layers are anchored";
      continue;
    }
    SmallVector<LowRankLayer *, 4> own;
    for (LinearOp op : maps->inputs())
      own.push_back(byOp[op]);
    own.push_back(byOp[maps->output()]);
    for (LowRankLayer *layer : own)
      layer->isNarrowed = true;
    LowRankAttention &added =
        selected.emplace_back(LowRankAttention{std::move(*maps), std::move(own), {}, "", 0, {}, {}, {}});
    added.name = attention.getLayer();
    added.heads = attention.getHeads();
  }
  return selected;
}

void UniformPlan::apply(MutableArrayRef<LowRankLayer> layers, std::vector<LowRankAttention> &attentions) const {
  for (LowRankLayer &layer : layers) {
    int64_t breakEven = breakEvenRank(layer.out(), layer.in());
    int64_t wanted =
        rank ? rank : std::max<int64_t>(1, int64_t(keep * double(layer.elements()) / double(layer.out() + layer.in())));
    layer.rank = wanted < breakEven && (rank || keep < 1) ? wanted : 0;
    layer.whyDense = llvm::formatv("rank {0} does not pay: {1} x {2} weights need a rank below {3}", wanted,
                                   layer.out(), layer.in(), breakEven);
  }
  llvm::erase_if(attentions, [&](LowRankAttention &attention) {
    auto [queryKey, value] = costsOfWidth(attention, rank ? LowRankBudget::parameters : budget);
    HeadWidths full = attention.maps.widths();
    double left = keep * (double(full.queryKey) * queryKey + double(full.value) * value);
    if (rank) {
      left = 0;
      for (LowRankLayer *layer : attention.layers)
        left += double(layer->rank ? layer->rank * (layer->out() + layer->in()) : layer->elements());
    }
    int64_t width = std::max<int64_t>(int64_t(left / (queryKey + value)), 1);
    attention.widths = {width < full.queryKey ? width : 0, width < full.value ? width : 0};
    if (attention.widths.queryKey || attention.widths.value)
      return false;
    for (LowRankLayer *layer : attention.layers)
      layer->isNarrowed = false;
    return true;
  });
}

namespace {

/// Measures the units of `layers` and, two each, of `attentions`, which follow.
LogicalResult measureAll(ModuleOp module, const SpectrumPlan &plan, MutableArrayRef<LowRankLayer> layers,
                         MutableArrayRef<LowRankAttention> attentions, MutableArrayRef<Unit> units) {
  Measurement measurement(module, plan);
  llvm::DenseMap<Operation *, size_t> attentionAt;
  for (auto [i, attention] : llvm::enumerate(attentions))
    attentionAt[attention.firstOp()] = i;
  Progress progress("sensitivity, layer", static_cast<int64_t>(layers.size()));
  for (auto [i, layer] : llvm::enumerate(layers)) {
    progress.advance(static_cast<int64_t>(i) + 1);
    LogicalResult done = success();
    if (auto found = attentionAt.find(layer.op); found != attentionAt.end()) {
      size_t first = layers.size() + 2 * found->second;
      done = measurement.measure(attentions[found->second], units[first], units[first + 1]);
    } else if (!layer.isNarrowed) {
      done = measurement.measure(layer, units[i]);
    }
    if (failed(done))
      return failure();
  }
  return success();
}

} // namespace

LogicalResult SpectrumPlan::apply(ModuleOp module, MutableArrayRef<LowRankLayer> layers,
                                  std::vector<LowRankAttention> &attentions) const {
  std::vector<Unit> units; // of layers, then two of each attention
  for (LowRankLayer &layer : layers)
    units.push_back(layer.isNarrowed ? Unit() : unitOf(layer, budget));
  for (LowRankAttention &attention : attentions) {
    auto [queryKey, value] = unitsOf(attention, budget);
    units.push_back(std::move(queryKey));
    units.push_back(std::move(value));
  }
  parallelFor(module.getContext(), 0, layers.size(), [&](size_t i) {
    if (layers[i].isNarrowed)
      return;
    VectorXd energies = factorize(method, layers[i]).singularValues().array().square();
    units[i].energies = {energies.begin(), energies.end()};
  });
  std::vector<std::vector<Choice>> choices;
  std::optional<std::vector<size_t>> chosen;
  for (int round = 0; round < (images ? kRounds : 1); ++round) {
    if (images && failed(measureAll(module, *this, layers, attentions, units)))
      return failure();
    if (images && llvm::all_of(units, [](const Unit &unit) { return unit.sensitivity == 0; }))
      return module.emitError("expected predictions that change when a layer is cut, found none on ")
             << std::min(images->count(), probes) << " images; allocation=uniform does not look at them";
    choices.clear();
    double dense = 0, least = 0;
    for (Unit &unit : units) {
      if (!images)
        unit.sensitivity = 1;
      choices.push_back(unit.choices());
      dense += unit.dense;
      least +=
          llvm::min_element(choices.back(), [](const Choice &a, const Choice &b) { return a.cost < b.cost; })->cost;
    }
    chosen = allocate(choices, keep * dense);
    if (!chosen)
      return module.emitError("expected keep to be at least ")
             << shown(least / dense) << ", what is left with rank 1 everywhere, found " << shown(keep);
    for (auto [unit, choice, ofUnit] : llvm::zip_equal(units, *chosen, choices))
      if (ofUnit[choice].rank)
        unit.probe = ofUnit[choice].rank;
  }
  auto rankOf = [&](size_t unit) { return choices[unit][(*chosen)[unit]].rank; };
  for (auto [i, layer] : llvm::enumerate(layers)) {
    layer.rank = rankOf(i);
    layer.whyDense = "keep " + shown(keep) + " is spent best with this layer dense";
  }
  for (auto [i, attention] : llvm::enumerate(attentions))
    attention.widths = {rankOf(layers.size() + 2 * i), rankOf(layers.size() + 2 * i + 1)};
  return success();
}

} // namespace vitya
