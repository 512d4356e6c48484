// Each matrix is truncated at a few ranks, and rounded to few bits, while the rest of the model stays as it is.
#include "passes/lowrank/MatrixLosses.h"
#include "dialect/support/Progress.h"
#include "passes/lowrank/Sensitivity.h"
#include "passes/numerics/Gptq.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/DebugLog.h"
#include <cmath>
#include <numeric>

#define DEBUG_TYPE "vitya-low-rank"

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

namespace vitya {
namespace {

/// The shares of the largest rank that pays at which truncation is measured, and the one at which factors are rounded.
constexpr double kProbeShares[] = {0.9, 0.7, 0.5, 0.3, 0.15};
constexpr double kRoundingShare = 0.5;
/// Ranks to choose from are multiples of these: kernels compute outputs in groups of 16 columns, and a rank of a head
/// counts once for each head.
constexpr int64_t kRankStep = 16, kHeadStep = 8;
/// Divergences below this are rounding errors of f32.
constexpr double kLeastDivergence = 1e-9;

/// Multiples of `step`, or of a smaller power of two if the largest rank is small, up to `largest`.
std::vector<int64_t> ranksUpTo(int64_t largest, int64_t step) {
  step = std::min(step, int64_t(llvm::bit_floor(uint64_t(std::max<int64_t>(largest / 4, 1)))));
  std::vector<int64_t> ranks;
  for (int64_t rank = step; rank <= largest; rank += step)
    ranks.push_back(rank);
  return ranks;
}

/// Measures one matrix after the other, in the order of the program.
class LossMeasurement {
public:
  LossMeasurement(ModuleOp module, Candidates &candidates, const ImageSet &images, const LossOptions &options)
      : candidates(candidates), options(options), factorizable(options.layers),
        model(module.lookupSymbol<func::FuncOp>(kEntryName), images, std::min(images.count(), options.probes)) {}

  FailureOr<std::vector<MatrixLosses>> run() {
    llvm::DenseMap<size_t, CandidateAttention *> attentionAt;
    std::vector<bool> isInAttention(candidates.layers.size());
    for (CandidateAttention &attention : candidates.attentions) {
      attentionAt[static_cast<size_t>(attention.layers.front())] = &attention;
      for (LayerIndex index : attention.layers)
        isInAttention[static_cast<size_t>(index)] = true;
    }
    Progress progress("loss of ranks and bits, layer", static_cast<int64_t>(candidates.layers.size()));
    for (auto [i, layer] : llvm::enumerate(candidates.layers)) {
      progress.advance(static_cast<int64_t>(i) + 1);
      if (CandidateAttention *attention = attentionAt.lookup(i)) {
        if (failed(measureAttention(*attention)))
          return failure();
      } else if (!isInAttention[i] && failed(measureLayer(layer))) {
        return failure();
      }
    }
    return std::move(result);
  }

private:
  using Replacements = SmallVector<LayerReplacement>;

  /// `weight`, rounded, for an input with this second moment.
  MatrixXd rounded(const MatrixXd &weight, const MatrixXd &second) const {
    RowMajorOf<float> single = weight.cast<float>();
    auto bits = int(MatrixLosses::kMeasuredBits);
    QuantizedWeight found =
        options.gptq
            ? Gptq(second, GptqSettings())
                  .roundAndScale(weight, numerics::weightScales(single, options.perChannel, bits), signedLevels(bits))
            : numerics::quantizeWeight(single, options.perChannel, bits);
    return found.dequantize().cast<double>();
  }

  /// The divergence of the outputs with `after` from those with `before`, or from the original ones if that is empty.
  FailureOr<double> divergence(const Replacements &before, const Replacements &after) {
    if (before.empty())
      return model.divergence(after);
    FailureOr<Outputs> first = model.outputsWith(before), second = model.outputsWith(after);
    if (failed(first) || failed(second))
      return failure();
    return meanDivergence(*first, *second);
  }

  /// Measures truncations of `matrix` at some of its ranks.
  LogicalResult measureRanks(MatrixLosses &matrix, llvm::function_ref<Replacements(int64_t)> truncate) {
    if (matrix.ranks.empty())
      return success();
    int64_t last = 0;
    for (double share : kProbeShares) {
      int64_t rank = std::max<int64_t>(1, std::llround(share * double(matrix.ranks.back())));
      if (rank == last)
        continue;
      last = rank;
      FailureOr<double> found = divergence({}, truncate(rank));
      if (failed(found))
        return failure();
      double lost = std::accumulate(matrix.energies.begin() + rank, matrix.energies.end(), 0.0);
      LDBG() << matrix.name << ": rank " << rank << " loses " << lost << ", divergence " << *found;
      // The divergence cannot shrink while more energy is lost, except by chance.
      double least = matrix.truncations.empty() ? kLeastDivergence : matrix.truncations.back().divergence;
      matrix.truncations.push_back({lost, std::max(*found, least)});
    }
    return success();
  }

  LogicalResult measureLayer(CandidateLayer &layer) {
    MatrixLosses matrix;
    LinearOp op = layer.op;
    matrix.name = op.getLayer().str();
    matrix.weights = {matrix.name};
    matrix.in = layer.in();
    matrix.out = layer.out();
    matrix.tokens = layer.tokens();
    if (failed(model.advanceTo(op)))
      return failure();
    Factorization factorization = factorize(options.method, layer);
    VectorXd energies = factorization.singularValues().array().square();
    matrix.energies = {energies.begin(), energies.end()};
    if (factorizable.match(matrix.name))
      matrix.ranks = ranksUpTo(breakEvenRank(layer.out(), layer.in()) - 1, kRankStep);
    if (failed(measureRanks(
            matrix, [&](int64_t rank) { return Replacements{replacementBy(layer, factorization.truncate(rank))}; })))
      return failure();
    FailureOr<double> dense =
        divergence({}, Replacements{LayerReplacement{op, {rounded(layer.weight, layer.input->second()), layer.bias}}});
    if (failed(dense))
      return failure();
    matrix.denseRounding = matrix.factorRounding = *dense;
    if (!matrix.ranks.empty()) {
      auto rank = std::max<int64_t>(1, std::llround(kRoundingShare * double(matrix.ranks.back())));
      Factors factors = factorization.truncate(rank);
      // As vitya-rotate does.
      MatrixXd rotation = hartleyMatrix(rank);
      Factors found{factors.left * rotation.transpose(), rotation * factors.right};
      MatrixXd covariance = layer.input->covariance();
      found.right = rounded(found.right, covariance);
      found.left = rounded(found.left, found.right * covariance * found.right.transpose());
      FailureOr<double> ofFactors =
          divergence(Replacements{replacementBy(layer, factors)}, Replacements{replacementBy(layer, found)});
      if (failed(ofFactors))
        return failure();
      matrix.factorRounding = *ofFactors;
    }
    LDBG() << matrix.name << ": rounding diverges by " << matrix.denseRounding << ", that of factors by "
           << matrix.factorRounding;
    result.push_back(std::move(matrix));
    return success();
  }

  LogicalResult measureAttention(CandidateAttention &attention) {
    AttentionMaps &maps = attention.maps;
    FailureOr<ArrayRef<reference::Tensor>> tokens = model.advanceTo(maps.inputs().front());
    FailureOr<AttentionWeights> weights = maps.readWeights();
    if (failed(tokens) || failed(weights))
      return failure();
    const CandidateLayer &first = candidates[attention.layers.front()], &last = candidates[attention.layers.back()];
    MatrixXd second = first.input->second();

    MatrixLosses queryKey;
    queryKey.kind = MatrixKind::queryKey;
    HeadWidths widths = maps.widths();
    queryKey.width = widths.queryKey;
    std::vector<QueryKeyFactorization> scores = maps.factorizeQueryKey(*weights, *tokens);
    queryKey.energies = energiesOf(scores);
    auto truncateScores = [&](int64_t rank) {
      AttentionWeights cut = *weights;
      cut.truncateQueryKey(scores, rank, widths.queryKey);
      return replacementsBy(cut, maps);
    };
    AttentionWeights roundedScores = *weights;
    roundedScores.query = rounded(weights->query, second);
    roundedScores.key = rounded(weights->key, second);
    if (failed(measureProduct(attention, std::move(queryKey), {"Q", "K"}, truncateScores, roundedScores)))
      return failure();

    MatrixLosses value;
    value.kind = MatrixKind::valueOutput;
    value.width = widths.value;
    std::vector<ValueOutputFactorization> outputs = maps.factorizeValueOutput(*weights, *tokens);
    value.energies = energiesOf(outputs);
    auto truncateOutputs = [&](int64_t rank) {
      AttentionWeights cut = *weights;
      cut.truncateValueOutput(outputs, rank, widths.value);
      return replacementsBy(cut, maps);
    };
    AttentionWeights roundedOutputs = *weights;
    roundedOutputs.value = rounded(weights->value, second);
    roundedOutputs.output = rounded(weights->output, last.input->second());
    value.weights = {LinearOp(last.op).getLayer().str()};
    return measureProduct(attention, std::move(value), {"V"}, truncateOutputs, roundedOutputs);
  }

  /// Completes and measures one of the two products of an attention. `roles` are the projections that it consists of.
  LogicalResult measureProduct(CandidateAttention &attention, MatrixLosses matrix, ArrayRef<StringRef> roles,
                               llvm::function_ref<Replacements(int64_t)> truncate, const AttentionWeights &rounding) {
    AttentionMaps &maps = attention.maps;
    const CandidateLayer &first = candidates[attention.layers.front()], &last = candidates[attention.layers.back()];
    matrix.name = maps.name().str();
    matrix.heads = maps.heads();
    matrix.in = first.in();
    matrix.out = last.out();
    matrix.tokens = first.tokens();
    std::vector<std::string> projections;
    for (const auto &[role, projection] : maps.projections())
      if (llvm::is_contained(roles, role))
        projections.push_back(nameOf(maps, role, projection.linear));
    matrix.weights.insert(matrix.weights.begin(), projections.begin(), projections.end());
    if (llvm::all_of(attention.layers,
                     [&](LayerIndex index) { return factorizable.match(LinearOp(candidates[index].op).getLayer()); }))
      matrix.ranks = ranksUpTo(matrix.width - 1, kHeadStep);
    if (failed(measureRanks(matrix, truncate)))
      return failure();
    FailureOr<double> found = divergence({}, replacementsBy(rounding, maps));
    if (failed(found))
      return failure();
    // Narrower heads have fewer weights, each of which is as large a part of the output.
    matrix.denseRounding = matrix.factorRounding = *found;
    result.push_back(std::move(matrix));
    return success();
  }

  /// The name of the layer that computes a projection once fused layers are split.
  static std::string nameOf(AttentionMaps &maps, StringRef role, LinearOp linear) {
    int64_t sharing =
        llvm::count_if(maps.projections(), [&](const auto &each) { return each.second.linear == linear; });
    return linear.getLayer().str() + (sharing > 1 ? "." + role.lower() : "");
  }

  Candidates &candidates;
  const LossOptions &options;
  llvm::Regex factorizable;
  Sensitivity model;
  std::vector<MatrixLosses> result;
};

} // namespace

std::vector<MatrixLosses::Shape> MatrixLosses::shapes(int64_t rank) const {
  switch (kind) {
  case MatrixKind::layer:
    return rank ? std::vector<Shape>{{rank, in}, {out, rank}} : std::vector<Shape>{{out, in}};
  case MatrixKind::queryKey:
    return {{heads * (rank ? rank : width), in}, {heads * (rank ? rank : width), in}};
  case MatrixKind::valueOutput:
    return {{heads * (rank ? rank : width), in}, {out, heads * (rank ? rank : width)}};
  }
  llvm_unreachable("every kind is handled");
}

double MatrixLosses::loss(MatrixFormat format) const {
  double result = 0;
  if (format.bits < 32) {
    double step = double(signedLevels(kMeasuredBits).max) / double(signedLevels(int(format.bits)).max);
    result = step * step * (format.rank ? factorRounding : denseRounding);
  }
  double lost = format.rank ? std::accumulate(energies.begin() + format.rank, energies.end(), 0.0) : 0.0;
  if (lost <= 0 || truncations.empty())
    return result;
  // The first measurement with more energy, and the one before. Outside of all, the divergence is proportional.
  auto next = llvm::find_if(truncations, [&](const MeasuredLoss &each) { return each.energy > lost; });
  const MeasuredLoss &nearest = next == truncations.begin() ? *next : *std::prev(next);
  double slope = 1;
  if (next != truncations.begin() && next != truncations.end() && nearest.energy > 0)
    slope = std::log(next->divergence / nearest.divergence) / std::log(next->energy / nearest.energy);
  if (nearest.energy <= 0)
    return result + nearest.divergence;
  return result + nearest.divergence * std::pow(lost / nearest.energy, slope);
}

FailureOr<std::vector<MatrixLosses>> measureLosses(ModuleOp module, const LossOptions &options) {
  FailureOr<ImageSet> images = ImageSet::open(module, options.images, /*count=*/0);
  FailureOr<ImageSet> probes = ImageSet::open(module, options.probeImages, /*count=*/0);
  if (failed(images) || failed(probes) || failed(patternOf(module, "layers", options.layers)))
    return failure();
  LossOptions measured = options;
  if (measured.method == LowRankMethod::plain)
    measured.method = LowRankMethod::whitened; // the energy of an output, also of the SVD of the weight alone
  FailureOr<std::vector<CandidateLayer>> layers = selectLayers(module, ".");
  if (failed(layers))
    return failure();
  Candidates candidates;
  candidates.layers = std::move(*layers);
  if (options.method == LowRankMethod::joint)
    candidates.attentions = selectAttentions(candidates.layers);
  if (failed(readMoments(module, candidates.layers, /*statistics=*/"", &*images)))
    return failure();
  FailureOr<std::vector<MatrixLosses>> result = LossMeasurement(module, candidates, *probes, measured).run();
  if (succeeded(result) && llvm::all_of(*result, [](const MatrixLosses &matrix) {
        return matrix.denseRounding <= 0 &&
               (matrix.truncations.empty() || matrix.truncations.back().divergence <= kLeastDivergence);
      }))
    return module.emitError("expected predictions that change when a layer is compressed, found none on ")
           << std::min(probes->count(), options.probes) << " images";
  return result;
}

} // namespace vitya
