// One layer on its way from dense to low rank.
#ifndef VITYA_PASSES_COMPRESS_LOWRANKLAYER_H
#define VITYA_PASSES_COMPRESS_LOWRANKLAYER_H

#include "passes/compress/LinearLayers.h"
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
  std::string whyDense;                           ///< counts where the rank is 0

  int64_t out() const { return weight.rows(); }
  int64_t in() const { return weight.cols(); }
  int64_t full() const { return std::min(out(), in()); }
  /// Elements of the weights at this rank.
  int64_t parameters() const { return rank ? rank * (out() + in()) : out() * in(); }

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

} // namespace vitya

#endif // VITYA_PASSES_COMPRESS_LOWRANKLAYER_H
