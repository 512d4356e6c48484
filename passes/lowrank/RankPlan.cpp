// Costs, and the plans that treat all layers alike.
#include "passes/lowrank/RankPlan.h"
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

} // namespace vitya
