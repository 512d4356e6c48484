// Allocation of a budget by the spectra of the layers. Every layer outside of attentions, and both products of every
// attention, is a list of choices (dense, or a rank) of one Lagrangian. The lost energies of different layers have no
// common scale, so each is multiplied by a sensitivity: the divergence of the predictions per unit of lost energy,
// measured with this item alone truncated to about the rank that the budget will give it.
#include "dialect/support/Progress.h"
#include "mlir/IR/Threading.h"
#include "passes/lowrank/RankPlan.h"
#include "passes/lowrank/Sensitivity.h"
#include "passes/numerics/RankAllocation.h"
#include "llvm/Support/DebugLog.h"
#include <map>
#include <numeric>

#define DEBUG_TYPE "vitya-low-rank"

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

namespace vitya {
namespace {

/// Rounds of measurements, each at the ranks of the round before: the divergence is not linear in the lost energy.
constexpr int kRounds = 3;
/// A truncation that is measured loses at least this share of the energy, so that rounding does not decide.
constexpr double kLeastLoss = 1e-4;

//===----------------------------------------------------------------------===//
// Items of the budget
//===----------------------------------------------------------------------===//

/// A matrix whose rank the budget decides: the weight of a layer, or the query-key or value-output product of an
/// attention.
struct BudgetItem {
  explicit BudgetItem(LayerCost cost) : cost(cost) {}

  LayerCost cost;
  std::vector<double> energies; ///< squared singular values, largest first
  double sensitivity = 0;       ///< divergence of the predictions per unit of lost energy

  /// The rank at which the next round measures; 0 before the first round.
  int64_t probeRank = 0;
  std::map<int64_t, double> divergences; ///< of the predictions, by the ranks of all rounds so far

  double lostEnergy(int64_t rank) const { return std::accumulate(energies.begin() + rank, energies.end(), 0.0); }

  /// The largest rank that `keep` allows and whose loss can be told from rounding.
  int64_t firstProbeRank(double keep) const {
    double least = kLeastLoss * lostEnergy(0);
    int64_t rank = std::min(int64_t(energies.size()), int64_t(keep * cost.dense / cost.perRank));
    while (rank > 1 && lostEnergy(rank) < least)
      --rank;
    return std::max<int64_t>(rank, 1);
  }

  /// Updates the sensitivity from the divergence at `probeRank`: the geometric mean with the previous sensitivity, so
  /// that rounds do not oscillate.
  void updateSensitivity() {
    double lost = lostEnergy(probeRank), measured = lost > 0 ? divergences.at(probeRank) / lost : 0;
    sensitivity = sensitivity > 0 ? std::sqrt(sensitivity * measured) : measured;
  }

  std::vector<Choice> choices() const {
    std::vector<double> errors;
    for (double energy : energies)
      errors.push_back(energy * sensitivity);
    return choicesOf(cost.dense, cost.perRank, errors);
  }
};

/// The position of an item in `BudgetItems`.
enum class ItemIndex : size_t {};

/// The items of all candidates.
class BudgetItems {
public:
  BudgetItems(const Candidates &candidates, LowRankBudget budget) : ofLayer(candidates.layers.size()) {
    std::vector<bool> isInAttention(candidates.layers.size());
    for (const CandidateAttention &attention : candidates.attentions)
      for (LayerIndex index : attention.layers)
        isInAttention[static_cast<size_t>(index)] = true;
    for (auto [index, layer] : llvm::enumerate(candidates.layers))
      if (!isInAttention[index])
        ofLayer[index] = add(costOf(layer, budget));
    for (const CandidateAttention &attention : candidates.attentions) {
      HeadRowCost row = costOfHeadRow(candidates, attention, budget);
      HeadWidths full = attention.maps.widths();
      ItemIndex queryKey = add({double(full.queryKey) * row.queryKey, row.queryKey});
      ofAttention.push_back({queryKey, add({double(full.value) * row.value, row.value})});
    }
  }

  struct AttentionItems {
    ItemIndex queryKey, value;
  };
  /// The item of a layer, unless the layer belongs to an attention.
  std::optional<ItemIndex> layer(size_t index) const { return ofLayer[index]; }
  AttentionItems attention(size_t index) const { return ofAttention[index]; }

  BudgetItem &operator[](ItemIndex index) { return items[static_cast<size_t>(index)]; }
  std::vector<BudgetItem> &all() { return items; }

private:
  ItemIndex add(LayerCost cost) {
    items.emplace_back(cost);
    return ItemIndex(items.size() - 1);
  }

  std::vector<BudgetItem> items;
  std::vector<std::optional<ItemIndex>> ofLayer;
  std::vector<AttentionItems> ofAttention;
};

//===----------------------------------------------------------------------===//
// Measurement of sensitivities
//===----------------------------------------------------------------------===//

/// One round of measurements. Also computes the spectra of attentions, which need the inputs that are replayed here.
class SensitivityRound {
public:
  SensitivityRound(ModuleOp module, const SpectrumBudget &budget)
      : model(module.lookupSymbol<func::FuncOp>(kEntryName), *budget.images,
              std::min(budget.images->count(), budget.probes)),
        budget(budget) {}

  LogicalResult run(Candidates &candidates, BudgetItems &items) {
    llvm::DenseMap<Operation *, size_t> attentionAt; // by the first of its layers
    for (auto [i, attention] : llvm::enumerate(candidates.attentions))
      attentionAt[attention.firstOp()] = i;
    Progress progress("sensitivity, layer", static_cast<int64_t>(candidates.layers.size()));
    for (auto [i, layer] : llvm::enumerate(candidates.layers)) {
      progress.advance(static_cast<int64_t>(i) + 1);
      if (auto found = attentionAt.find(layer.op); found != attentionAt.end()) {
        AttentionMaps &maps = candidates.attentions[found->second].maps;
        auto [queryKey, value] = items.attention(found->second);
        if (failed(measureQueryKey(maps, items[queryKey])) || failed(measureValueOutput(maps, items[value])))
          return failure();
      } else if (std::optional<ItemIndex> item = items.layer(i)) {
        if (failed(measureLayer(layer, items[*item])))
          return failure();
      }
    }
    return success();
  }

private:
  using Replacements = FailureOr<SmallVector<LayerReplacement>>;

  LogicalResult measureLayer(CandidateLayer &layer, BudgetItem &item) {
    return measure(item, layer.op, [&](ArrayRef<reference::Tensor>) -> Replacements {
      return SmallVector<LayerReplacement>{
          replacementBy(layer, factorize(budget.method, layer).truncate(probeRankOf(item)))};
    });
  }

  LogicalResult measureQueryKey(AttentionMaps &maps, BudgetItem &item) {
    return measure(item, maps.inputs().front(), [&](ArrayRef<reference::Tensor> tokens) -> Replacements {
      FailureOr<AttentionWeights> weights = maps.readWeights();
      if (failed(weights))
        return failure();
      std::vector<QueryKeyFactorization> heads = maps.factorizeQueryKey(*weights, tokens);
      item.energies = energiesOf(heads);
      weights->truncateQueryKey(heads, probeRankOf(item), maps.widths().queryKey);
      return replacementsBy(*weights, maps);
    });
  }

  LogicalResult measureValueOutput(AttentionMaps &maps, BudgetItem &item) {
    return measure(item, maps.inputs().front(), [&](ArrayRef<reference::Tensor> tokens) -> Replacements {
      FailureOr<AttentionWeights> weights = maps.readWeights();
      if (failed(weights))
        return failure();
      std::vector<ValueOutputFactorization> heads = maps.factorizeValueOutput(*weights, tokens);
      item.energies = energiesOf(heads);
      weights->truncateValueOutput(heads, probeRankOf(item), maps.widths().value);
      return replacementsBy(*weights, maps);
    });
  }

  /// The rank to measure at, which is chosen here in the first round.
  int64_t probeRankOf(BudgetItem &item) const {
    if (!item.probeRank)
      item.probeRank = item.firstProbeRank(budget.keep);
    return item.probeRank;
  }

  /// Measures the divergence with the replacements that `truncate` computes from the inputs of `first`. Skipped if an
  /// earlier round measured at the same rank: the rest of the model is the original one, so the result is the same.
  LogicalResult measure(BudgetItem &item, LinearOp first,
                        llvm::function_ref<Replacements(ArrayRef<reference::Tensor>)> truncate) {
    if (!item.divergences.count(item.probeRank)) {
      FailureOr<ArrayRef<reference::Tensor>> inputs = model.advanceTo(first);
      if (failed(inputs))
        return failure();
      Replacements replacements = truncate(*inputs);
      if (failed(replacements))
        return failure();
      FailureOr<double> divergence = model.divergence(*replacements);
      if (failed(divergence))
        return failure();
      item.divergences[item.probeRank] = *divergence;
    }
    item.updateSensitivity();
    LDBG() << "item at " << first.getLayer() << ": rank " << item.probeRank << " loses "
           << item.lostEnergy(item.probeRank) << ", divergence " << item.divergences.at(item.probeRank)
           << ", sensitivity " << item.sensitivity;
    return success();
  }

  Sensitivity model;
  const SpectrumBudget &budget;
};

//===----------------------------------------------------------------------===//
// Allocation
//===----------------------------------------------------------------------===//

/// The rank of each item, 0 for dense, that minimises the sum of errors; an error at `module` if there is none.
FailureOr<std::vector<int64_t>> allocateRanks(ModuleOp module, ArrayRef<BudgetItem> items, double keep) {
  std::vector<std::vector<Choice>> choices;
  double dense = 0, least = 0;
  for (const BudgetItem &item : items) {
    choices.push_back(item.choices());
    dense += item.cost.dense;
    least += llvm::min_element(choices.back(), [](const Choice &a, const Choice &b) { return a.cost < b.cost; })->cost;
  }
  std::optional<Allocation> allocation = allocate(choices, keep * dense);
  if (!allocation)
    return module.emitError("expected keep to be at least ")
           << toShortString(least / dense) << ", the share with rank 1 everywhere, found " << toShortString(keep);
  std::vector<int64_t> ranks;
  for (auto [choice, ofItem] : llvm::zip_equal(allocation->chosen, choices))
    ranks.push_back(ofItem[choice].rank);
  return ranks;
}

/// Computes the spectra of layers outside of attentions.
void computeLayerSpectra(MLIRContext *context, const Candidates &candidates, LowRankMethod method, BudgetItems &items) {
  parallelFor(context, 0, candidates.layers.size(), [&](size_t i) {
    std::optional<ItemIndex> item = items.layer(i);
    if (!item)
      return;
    VectorXd energies = factorize(method, candidates.layers[i]).singularValues().array().square();
    items[*item].energies = {energies.begin(), energies.end()};
  });
}

/// The ranks of all items after `kRounds` measurements on the images of `budget`.
FailureOr<std::vector<int64_t>> allocateBySensitivity(ModuleOp module, Candidates &candidates, BudgetItems &items,
                                                      const SpectrumBudget &budget) {
  FailureOr<std::vector<int64_t>> ranks = failure();
  for (int round = 0; round < kRounds; ++round) {
    LDBG() << "sensitivities, round " << round + 1 << " of " << kRounds;
    if (failed(SensitivityRound(module, budget).run(candidates, items)))
      return failure();
    if (llvm::all_of(items.all(), [](const BudgetItem &item) { return item.sensitivity == 0; }))
      return module.emitError("expected predictions that change when a layer is truncated, found none on ")
             << std::min(budget.images->count(), budget.probes)
             << " images; allocation=uniform does not depend on them";
    ranks = allocateRanks(module, items.all(), budget.keep);
    if (failed(ranks))
      return failure();
    for (auto [item, rank] : llvm::zip_equal(items.all(), *ranks))
      if (rank)
        item.probeRank = rank;
  }
  return ranks;
}

} // namespace

FailureOr<RankPlan> planBySpectrum(ModuleOp module, Candidates &candidates, const SpectrumBudget &budget) {
  BudgetItems items(candidates, budget.budget);
  computeLayerSpectra(module.getContext(), candidates, budget.method, items);
  FailureOr<std::vector<int64_t>> ranks = failure();
  if (budget.images) {
    ranks = allocateBySensitivity(module, candidates, items, budget);
  } else {
    for (BudgetItem &item : items.all())
      item.sensitivity = 1;
    ranks = allocateRanks(module, items.all(), budget.keep);
  }
  if (failed(ranks))
    return failure();

  auto rankOf = [&](ItemIndex item) { return (*ranks)[static_cast<size_t>(item)]; };
  RankPlan plan;
  for (auto [i, layer] : llvm::enumerate(candidates.layers)) {
    std::optional<ItemIndex> item = items.layer(i);
    LayerPlan &planned = plan.layers.emplace_back();
    planned.rank = item ? rankOf(*item) : 0;
    planned.denseReason = "keep " + toShortString(budget.keep) + " is spent best with this layer dense";
    LDBG() << "layer " << layer.op.getLayer() << ": rank " << planned.rank << (item ? "" : ", part of an attention");
  }
  for (auto [i, attention] : llvm::enumerate(candidates.attentions)) {
    auto [queryKey, value] = items.attention(i);
    plan.attentions.push_back({rankOf(queryKey), rankOf(value)});
    LDBG() << "attention " << attention.maps.name() << ": head widths " << rankOf(queryKey) << " and " << rankOf(value);
  }
  return plan;
}

} // namespace vitya
