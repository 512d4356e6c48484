// Layers and attentions on their way from dense to low rank.
#ifndef VITYA_PASSES_COMPRESS_LOWRANKLAYER_H
#define VITYA_PASSES_COMPRESS_LOWRANKLAYER_H

#include "passes/compress/AttentionMaps.h"
#include "passes/compress/LowRankOptions.h"
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
    emitRemark(op.getLoc()) << "layer '" << op.getLayer() << "' stays dense: " << whyDense;
    keepDense(op, whyDense);
  }
};

/// The factorisation of a layer by `method`; by its whitened spectrum where the method fits layers in sequence.
numerics::Factorization factorize(LowRankMethod method, const LowRankLayer &layer);

/// An attention that is to be factorised through the products of its maps.
struct LowRankAttention {
  AttentionMaps maps;
  llvm::SmallVector<LowRankLayer *, 4> layers; ///< the inputs, then the output
  HeadWidths widths;

  LinearOp firstOp() { return maps.inputs().front(); }
  LowRankLayer &output() { return *layers.back(); }
};

} // namespace vitya

#endif // VITYA_PASSES_COMPRESS_LOWRANKLAYER_H
