// Costs, the plans that treat all layers alike, and those that are given by name.
#include "passes/lowrank/RankPlan.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/DebugLog.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

#define DEBUG_TYPE "vitya-low-rank"

using namespace mlir;

namespace vitya {

std::string toShortString(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", value);
  return text;
}

//===----------------------------------------------------------------------===//
// Costs
//===----------------------------------------------------------------------===//

LayerCost costOf(const CandidateLayer &layer, LowRankBudget budget) {
  double scale = budget == LowRankBudget::macs ? double(layer.tokens()) : 1;
  return {scale * double(layer.elements()), scale * double(layer.elementsPerRank())};
}

HeadRowCost costOfHeadRow(const Candidates &candidates, const CandidateAttention &attention, LowRankBudget budget) {
  const AttentionMaps &maps = attention.maps;
  double heads = double(maps.heads()), in = double(candidates[attention.layers.front()].in()),
         out = double(candidates[attention.layers.back()].out());
  if (budget == LowRankBudget::parameters)
    return {heads * 2 * in, heads * (in + out)};
  double queries = double(maps.queries()), keys = double(maps.keys());
  // The products of the attention itself are added to those of its layers.
  return {heads * ((queries + keys) * in + queries * keys), heads * (keys * in + queries * out + queries * keys)};
}

//===----------------------------------------------------------------------===//
// Uniform plans
//===----------------------------------------------------------------------===//

/// `rank` if factors of this rank are smaller than the layer, else dense.
static LayerPlan planLayer(const CandidateLayer &layer, int64_t rank) {
  int64_t breakEven = breakEvenRank(layer.out(), layer.in());
  LayerPlan plan;
  plan.rank = rank < breakEven ? rank : 0;
  plan.denseReason = llvm::formatv("rank {0} does not pay: {1} x {2} weights need a rank below {3}", rank, layer.out(),
                                   layer.in(), breakEven);
  LDBG() << "layer " << LinearOp(layer.op).getLayer() << ": rank " << plan.rank << ", break-even " << breakEven;
  return plan;
}

/// The equal width for both products of every head that costs at most `budget`, unless a head is that narrow already.
static HeadWidths planHeads(const AttentionMaps &maps, HeadRowCost cost, double budget) {
  int64_t width = std::max<int64_t>(int64_t(budget / (cost.queryKey + cost.value)), 1);
  HeadWidths full = maps.widths();
  LDBG() << "attention " << maps.name() << ": head width " << width << " of " << full.queryKey << " and " << full.value;
  return {width < full.queryKey ? width : 0, width < full.value ? width : 0};
}

RankPlan planUniformRank(const Candidates &candidates, int64_t rank) {
  RankPlan plan;
  for (const CandidateLayer &layer : candidates.layers)
    plan.layers.push_back(planLayer(layer, rank));
  for (const CandidateAttention &attention : candidates.attentions) {
    double budget = 0;
    for (LayerIndex index : attention.layers) {
      const CandidateLayer &layer = candidates[index];
      int64_t planned = plan.layers[static_cast<size_t>(index)].rank;
      budget += double(planned ? planned * layer.elementsPerRank() : layer.elements());
    }
    plan.attentions.push_back(
        planHeads(attention.maps, costOfHeadRow(candidates, attention, LowRankBudget::parameters), budget));
  }
  return plan;
}

RankPlan planUniformShare(const Candidates &candidates, double keep, LowRankBudget budget) {
  RankPlan plan;
  for (const CandidateLayer &layer : candidates.layers) {
    int64_t rank = std::max<int64_t>(1, int64_t(keep * double(layer.elements()) / double(layer.elementsPerRank())));
    plan.layers.push_back(planLayer(layer, rank));
    if (keep == 1)
      plan.layers.back().rank = 0;
  }
  for (const CandidateAttention &attention : candidates.attentions) {
    HeadRowCost cost = costOfHeadRow(candidates, attention, budget);
    HeadWidths full = attention.maps.widths();
    plan.attentions.push_back(planHeads(
        attention.maps, cost, keep * (double(full.queryKey) * cost.queryKey + double(full.value) * cost.value)));
  }
  return plan;
}

//===----------------------------------------------------------------------===//
// Plans by name
//===----------------------------------------------------------------------===//

namespace {

/// Applies the entries of a list of ranks to a plan.
class NamedRanks {
public:
  NamedRanks(ModuleOp module, const Candidates &candidates, RankPlan &plan)
      : module(module), candidates(candidates), plan(plan) {
    for (auto [i, layer] : llvm::enumerate(candidates.layers))
      layers[LinearOp(layer.op).getLayer()] = i;
    for (auto [i, attention] : llvm::enumerate(candidates.attentions))
      attentions[attention.maps.name()] = i;
  }

  LogicalResult apply(StringRef entry) {
    auto [name, numbers] = entry.rsplit(':');
    auto [first, second] = numbers.split('/');
    bool isAttention = numbers.contains('/');
    int64_t rank = 0, width = 0;
    if (name.empty() || first.getAsInteger(10, rank) || (isAttention && second.getAsInteger(10, width)))
      return module.emitError("expected ranks to be NAME:RANK, or NAME:WIDTH/WIDTH for an attention, found '")
             << entry << "'";
    if (!names.insert(name).second)
      return module.emitError("expected each name once in ranks, found '") << name << "' twice";
    llvm::StringMap<size_t> &known = isAttention ? attentions : layers;
    auto found = known.find(name);
    if (found == known.end())
      return module.emitError("expected ranks to name ")
             << (isAttention ? "attentions whose heads can be narrowed" : "layers that can be factorised")
             << ", found '" << name << "'";
    return isAttention ? narrow(found->second, {rank, width}) : factorize(found->second, rank);
  }

  /// Fails if the list has a layer of an attention that it narrows.
  LogicalResult checkAttentions() {
    for (auto [attention, widths] : llvm::zip_equal(candidates.attentions, plan.attentions))
      for (LayerIndex index : attention.layers)
        if (widths.isNarrowed() && plan.layers[static_cast<size_t>(index)].rank)
          return module.emitError("expected ranks to name an attention or its layers, found both '")
                 << attention.maps.name() << "' and '" << LinearOp(candidates[index].op).getLayer() << "'";
    return success();
  }

private:
  LogicalResult checkRange(StringRef what, StringRef name, int64_t found, int64_t largest) {
    if (found >= 1 && found <= largest)
      return success();
    return module.emitError("expected the ")
           << what << " of '" << name << "' to be from 1 to " << largest << ", found " << found;
  }

  LogicalResult factorize(size_t index, int64_t rank) {
    const CandidateLayer &layer = candidates.layers[index];
    plan.layers[index].rank = rank;
    return checkRange("rank", LinearOp(layer.op).getLayer(), rank, breakEvenRank(layer.out(), layer.in()) - 1);
  }

  LogicalResult narrow(size_t index, HeadWidths widths) {
    const AttentionMaps &maps = candidates.attentions[index].maps;
    HeadWidths full = maps.widths();
    if (failed(checkRange("width for query and key", maps.name(), widths.queryKey, full.queryKey)) ||
        failed(checkRange("width for value", maps.name(), widths.value, full.value)))
      return failure();
    plan.attentions[index] = {widths.queryKey < full.queryKey ? widths.queryKey : 0,
                              widths.value < full.value ? widths.value : 0};
    return success();
  }

  ModuleOp module;
  const Candidates &candidates;
  RankPlan &plan;
  llvm::StringMap<size_t> layers, attentions;
  llvm::StringSet<> names; ///< of the entries so far
};

} // namespace

FailureOr<RankPlan> planByName(ModuleOp module, const Candidates &candidates, ArrayRef<std::string> ranks) {
  RankPlan plan;
  plan.layers.resize(candidates.layers.size(), {0, "ranks does not name it"});
  plan.attentions.resize(candidates.attentions.size());
  NamedRanks named(module, candidates, plan);
  for (StringRef entry : ranks)
    if (failed(named.apply(entry)))
      return failure();
  if (failed(named.checkAttentions()))
    return failure();
  return plan;
}

} // namespace vitya
