// Two replays of the calibration images, of the original model and of the model as compressed so far, advance through
// the layers together.
#include "passes/lowrank/SequentialLowRank.h"
#include "dialect/support/Progress.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OwningOpRef.h"
#include "passes/lowrank/LayerRewrite.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "vitya-low-rank"

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

namespace vitya {
namespace {

class SequentialFactorization {
public:
  SequentialFactorization(ModuleOp module, LowRankMethod method, const Candidates &candidates, const RankPlan &plan,
                          const ImageSet &images)
      : method(method), candidates(candidates), plan(plan), count(images.count()),
        clone(cast<ModuleOp>(module->clone(clones))),
        original(clone->lookupSymbol<func::FuncOp>(kEntryName), images, count),
        compressed(module.lookupSymbol<func::FuncOp>(kEntryName), images, count) {}

  FailureOr<LowRankOutcome> run() {
    outcome.layers.resize(candidates.layers.size());
    // An attention is narrowed at the first of its layers, together with the others.
    std::vector<bool> isNarrowed(candidates.layers.size());
    llvm::DenseMap<size_t, size_t> attentionAt;
    for (auto [i, attention] : llvm::enumerate(candidates.attentions)) {
      if (!plan.attentions[i].isNarrowed())
        continue;
      for (LayerIndex index : attention.layers)
        isNarrowed[static_cast<size_t>(index)] = true;
      attentionAt[static_cast<size_t>(attention.layers.front())] = i;
    }
    Progress progress("low rank, layer", static_cast<int64_t>(candidates.layers.size()));
    for (auto [i, layer] : llvm::enumerate(candidates.layers)) {
      progress.advance(static_cast<int64_t>(i) + 1);
      if (auto found = attentionAt.find(i); found != attentionAt.end()) {
        if (failed(narrow(candidates.attentions[found->second], plan.attentions[found->second])))
          return failure();
      } else if (isNarrowed[i]) {
        continue;
      } else if (plan.layers[i].rank == 0) {
        outcome.layers[i] = leaveDense(layer, plan.layers[i].denseReason);
      } else {
        FailureOr<LayerOutcome> factorized = factorizeLayer(layer, plan.layers[i].rank);
        if (failed(factorized))
          return failure();
        outcome.layers[i] = std::move(*factorized);
      }
    }
    // The ops after the last layer: the logits have to be finite too.
    if (failed(original.advanceTo(clone->lookupSymbol<func::FuncOp>(kEntryName).getBody().front().getTerminator())))
      return failure();
    return std::move(outcome);
  }

private:
  LinearOp originalOf(LinearOp op) const { return cast<LinearOp>(clones.lookup(op.getOperation())); }

  /// E||y - y'||^2 of the result y of `before`, in the original model, and y' of `after`, in the compressed one. Both
  /// replays advance past these ops.
  FailureOr<double> outputError(LinearOp before, LinearOp after) {
    if (failed(original.advanceTo(before->getNextNode())) || failed(compressed.advanceTo(after->getNextNode())))
      return failure();
    double sum = 0;
    int64_t tokens = 0;
    for (auto [y, fitted] :
         llvm::zip_equal(original.valuesOf(before.getResult()), compressed.valuesOf(after.getResult()))) {
      sum += (y.matrix().cast<double>() - fitted.matrix().cast<double>()).squaredNorm();
      tokens += y.dim(0);
    }
    return sum / double(tokens);
  }

  LogicalResult narrow(const CandidateAttention &attention, HeadWidths widths) {
    AttentionMaps maps = attention.maps;
    LinearOp first = attention.firstOp(), originalOutput = originalOf(maps.output());
    AttentionOutcome narrowedOutcome;
    narrowedOutcome.name = maps.name();
    narrowedOutcome.heads = maps.heads();
    narrowedOutcome.widths = widths;
    if (failed(compressed.advanceTo(first)))
      return failure();
    FailureOr<NarrowedAttention> narrowed = maps.narrow(widths, compressed.valuesOf(first.getInput()));
    if (failed(narrowed))
      return failure();
    for (auto [index, op] : llvm::zip_equal(attention.layers, narrowed->layers))
      outcome.layers[static_cast<size_t>(index)] = outcomeOfNarrowed(candidates[index], op);
    FailureOr<double> error = outputError(originalOutput, narrowed->layers.back());
    if (failed(error))
      return failure();
    narrowedOutcome.queryKeySpectrum = std::move(narrowed->queryKeySpectrum);
    narrowedOutcome.valueSpectrum = std::move(narrowed->valueSpectrum);
    narrowedOutcome.measuredError = *error;
    LDBG() << "attention " << narrowedOutcome.name << ": narrowed, error of the output " << *error;
    outcome.attentions.push_back(std::move(narrowedOutcome));
    return success();
  }

  static LayerOutcome outcomeOfNarrowed(const CandidateLayer &layer, LinearOp op) {
    LayerOutcome outcome;
    outcome.name = op.getLayer();
    outcome.in = layer.in();
    outcome.out = layer.out();
    outcome.rank = *op.getInfoAttr().getRank();
    outcome.reason = op.getInfoAttr().getReason();
    outcome.parameters = op.getWeight().getType().getNumElements();
    return outcome;
  }

  /// The moments of the layer's inputs. Warns if there are too few.
  FailureOr<InputMoments> momentsOf(const CandidateLayer &layer) {
    LinearOp op = layer.op, originalOp = originalOf(op);
    if (failed(original.advanceTo(originalOp)) || failed(compressed.advanceTo(op)))
      return failure();
    InputMoments moments =
        vitya::momentsOf(op.getContext(), original.valuesOf(originalOp.getInput()), compressed.valuesOf(op.getInput()));
    if (moments.compressed.count() < layer.in())
      warnOfFewTokens(layer, moments.compressed.count());
    return moments;
  }

  FailureOr<LayerOutcome> factorizeLayer(const CandidateLayer &layer, int64_t rank) {
    LinearOp originalOp = originalOf(layer.op);
    FailureOr<InputMoments> moments = momentsOf(layer);
    if (failed(moments))
      return failure();
    const auto &[input, cross] = *moments;
    bool anchored = isAnchored(method);
    Factorization factorization =
        anchored ? Factorization::anchored(layer.weight, input, cross) : factorize(method, layer);
    Factors factors = factorization.truncate(rank);
    if (!anchored)
      factors = refit(factors, layer.weight, input, cross);
    Value bias = createCorrectedBias(layer, factors, cross.mean(), cross.secondMean());
    FactorizedLayer factorized =
        replaceLayer(layer, factors, factorization.singularValues(), bias,
                     anchored ? "anchored" : (stringifyLowRankMethod(method) + ", refitted").str());
    FailureOr<double> error = outputError(originalOp, factorized.left);
    if (failed(error))
      return failure();
    factorized.outcome.measuredError = *error;
    LDBG() << "layer " << factorized.outcome.name << ": " << factorized.outcome.reason << ", error of the output "
           << *error;
    return std::move(factorized.outcome);
  }

  LowRankMethod method;
  const Candidates &candidates;
  const RankPlan &plan;
  int64_t count;
  IRMapping clones;
  OwningOpRef<ModuleOp> clone; ///< the original model
  Replay original, compressed;
  LowRankOutcome outcome;
};

} // namespace

FailureOr<LowRankOutcome> factorizeInSequence(ModuleOp module, LowRankMethod method, const Candidates &candidates,
                                              const RankPlan &plan, const ImageSet &images) {
  return SequentialFactorization(module, method, candidates, plan, images).run();
}

} // namespace vitya
