// Layers and attentions on their way from dense to low rank.
#ifndef VITYA_PASSES_LOWRANK_LOWRANKLAYER_H
#define VITYA_PASSES_LOWRANK_LOWRANKLAYER_H

#include "passes/analysis/AttentionMaps.h"
#include "passes/lowrank/LowRankOptions.h"
#include "llvm/Support/FormatVariadic.h"
#include <memory>
#include <string>

namespace vitya {

/// A dense layer that is to be factorised.
struct LowRankLayer {
  LinearOp op;
  Eigen::MatrixXd weight; ///< [out, in]
  Eigen::VectorXd bias;
  std::shared_ptr<const numerics::Moments> input; ///< null where the method needs none
  int64_t rank = 0;                               ///< 0: stays dense
  bool isNarrowed = false;                        ///< with the attention it belongs to
  std::string whyDense;                           ///< counts where the rank is 0

  // What became of it.
  std::string name, reason;
  int64_t left = 0;                    ///< elements of weights that are left
  Eigen::VectorXd spectrum;            ///< that was cut at `rank`; empty where none was
  std::optional<double> measuredError; ///< see LowRankReport.h

  int64_t out() const { return weight.rows(); }
  int64_t in() const { return weight.cols(); }
  int64_t full() const { return std::min(out(), in()); }
  /// Rows of the input.
  int64_t tokens() { return op.getInput().getType().getDimSize(0); }
  /// Elements of the weight as it is.
  int64_t elements() const { return out() * in(); }

  /// Warns that `tokens` of calibration images are too few to know the layer's input by.
  void warnOfFewTokens(int64_t tokens) {
    emitWarning(op.getLoc()) << "expected calibration images with at least " << in() << " tokens at layer '"
                             << op.getLayer() << "', as wide as its input is, found " << tokens
                             << ": directions that no token has are guessed";
  }

  /// Says on the op, and in a remark, why the layer stays dense.
  void stayDense() {
    rank = 0;
    reason = whyDense;
    left = elements();
    emitRemark(op.getLoc()) << "layer '" << op.getLayer() << "' stays dense: " << whyDense;
    keepDense(op, whyDense);
  }

  /// Puts `factors` in the place of the op, cut from `values`. Returns the left one.
  LinearOp replace(const numerics::Factors &factors, const Eigen::VectorXd &values, mlir::Value bias,
                   llvm::StringRef method) {
    reason = llvm::formatv("{0}, rank {1}", method, rank);
    left = rank * (out() + in());
    spectrum = values;
    return op = replaceByFactors(op, factors, bias, reason);
  }
};

/// The factorisation of a layer by `method`; by its whitened spectrum where the method fits layers in sequence.
numerics::Factorization factorize(LowRankMethod method, const LowRankLayer &layer);

/// An attention that is to be factorised through the products of its maps.
struct LowRankAttention {
  AttentionMaps maps;
  llvm::SmallVector<LowRankLayer *, 4> layers; ///< the inputs, then the output
  HeadWidths widths;

  // What became of it.
  std::string name;
  int64_t heads = 0;
  Eigen::VectorXd queryKeySpectrum, valueSpectrum; ///< root mean squares over the heads; empty where heads stay
  std::optional<double> measuredError;             ///< of the output layer

  LinearOp firstOp() { return maps.inputs().front(); }
  LowRankLayer &output() { return *layers.back(); }
};

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_LOWRANKLAYER_H
