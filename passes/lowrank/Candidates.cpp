// Selection of layers and attentions, and the factorisation of one layer.
#include "passes/lowrank/Candidates.h"
#include "passes/analysis/Statistics.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

namespace vitya {

/// The exponent of the magnitudes by which ASVD scales columns.
static constexpr double kAsvdAlpha = 0.5;

FailureOr<std::vector<CandidateLayer>> selectLayers(ModuleOp module, StringRef layers) {
  FailureOr<SmallVector<LinearOp>> ops = selectLinears(module, layers);
  if (failed(ops))
    return failure();
  std::vector<CandidateLayer> selected;
  llvm::StringSet<> factorized;
  for (LinearOp op : *ops) {
    if (isFactorized(op)) {
      if (factorized.insert(layerNameOf(op)).second)
        emitRemark(op.getLoc()) << "layer '" << layerNameOf(op) << "' is factorised already: left alone";
      continue;
    }
    FailureOr<MatrixXd> weight = weightOf(op);
    FailureOr<VectorXd> bias = biasOf(op);
    if (failed(weight) || failed(bias))
      return failure();
    selected.emplace_back(op, std::move(*weight), std::move(*bias));
  }
  return selected;
}

LogicalResult readMoments(ModuleOp module, std::vector<CandidateLayer> &layers, StringRef statistics,
                          const ImageSet *images) {
  SmallVector<LinearOp> ops = llvm::map_to_vector(layers, [](const CandidateLayer &layer) { return layer.op; });
  FailureOr<Statistics> moments = readOrCollectStatistics(module, ops, statistics, images);
  if (failed(moments))
    return failure();
  const CandidateLayer *scarce = nullptr;
  auto surplus = [](const CandidateLayer &layer) { return layer.input->count() - layer.in(); };
  for (CandidateLayer &layer : layers) {
    layer.input = moments->lookup(layer.op.getLayer());
    if (surplus(layer) < 0 && (!scarce || surplus(layer) < surplus(*scarce)))
      scarce = &layer;
  }
  if (scarce)
    warnOfFewTokens(*scarce, scarce->input->count());
  return success();
}

std::vector<CandidateAttention> selectAttentions(ArrayRef<CandidateLayer> layers) {
  std::vector<CandidateAttention> selected;
  if (layers.empty())
    return selected;
  llvm::DenseMap<Operation *, LayerIndex> indices;
  for (auto [index, layer] : llvm::enumerate(layers))
    indices[LinearOp(layer.op)] = LayerIndex(index);
  auto isCandidate = [&](LinearOp op) { return indices.contains(op); };
  for (auto attention : LinearOp(layers.front().op)->getBlock()->getOps<AttentionOp>()) {
    llvm::Expected<AttentionMaps> maps = AttentionMaps::match(attention);
    if (maps && llvm::none_of(maps->inputs(), isCandidate) && !isCandidate(maps->output()))
      continue;
    if (!maps || !llvm::all_of(maps->inputs(), isCandidate) || !isCandidate(maps->output())) {
      std::string reason = maps ? "not all of its layers are to be factorised" : llvm::toString(maps.takeError());
      emitRemark(attention.getLoc()) << "attention '" << attention.getLayer() << "' keeps its heads: " << reason
                                     << "; its layers are anchored";
      continue;
    }
    SmallVector<LayerIndex, 4> own;
    for (LinearOp op : maps->inputs())
      own.push_back(indices[op]);
    own.push_back(indices[maps->output()]);
    selected.emplace_back(std::move(*maps), std::move(own));
  }
  return selected;
}

Factorization factorize(LowRankMethod method, const CandidateLayer &layer) {
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

void warnOfFewTokens(const CandidateLayer &layer, int64_t tokens) {
  LinearOp op = layer.op;
  emitWarning(op.getLoc()) << "expected calibration images with at least " << layer.in() << " tokens at layer '"
                           << op.getLayer() << "', the width of its input, found " << tokens
                           << ": directions without a token are guessed";
}

} // namespace vitya
