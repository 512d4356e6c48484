// An attention together with the linear layers around it: the maps from tokens to queries, keys and values, and from
// the values to the output.
#ifndef VITYA_PASSES_ANALYSIS_ATTENTIONMAPS_H
#define VITYA_PASSES_ANALYSIS_ATTENTIONMAPS_H

#include "passes/analysis/LinearLayers.h"
#include "passes/analysis/Replay.h"
#include "passes/numerics/AttentionFactorization.h"
#include "llvm/Support/Error.h"

namespace vitya {

/// The part of the result of a linear layer that an attention reads as queries, keys or values.
struct Projection {
  LinearOp linear;
  mlir::tensor::ExtractSliceOp slice; ///< null if it reads the whole result
  int64_t column = 0, width = 0;
  int64_t row = 0, rows = 0; ///< tokens
};

/// The widths of the heads of an attention. As a target, 0 leaves a width unchanged.
struct HeadWidths {
  int64_t queryKey = 0, value = 0;

  /// Whether this target changes a width.
  bool isNarrowed() const { return queryKey != 0 || value != 0; }
};

/// The weights around an attention. The rows of query, key and value, and the columns of output, are ordered by head.
struct AttentionWeights {
  Eigen::MatrixXd query, key, value; ///< [heads * width, in]
  Eigen::MatrixXd output;            ///< [out, heads * width]
  Eigen::VectorXd queryBias, keyBias, valueBias, outputBias;
  std::optional<reference::Tensor> scoreBias; ///< the attention's own, if it has one

  /// Truncates the product of each head's query and key maps at `rank`. Each head is padded with zeros to `width` rows.
  void truncateQueryKey(llvm::ArrayRef<numerics::QueryKeyFactorization> heads, int64_t rank, int64_t width);
  /// The same for the product of value and output maps.
  void truncateValueOutput(llvm::ArrayRef<numerics::ValueOutputFactorization> heads, int64_t rank, int64_t width);

  /// Rotates the columns of each of `heads` heads by a discrete Hartley transform R: queries and keys become R q and R
  /// k, values R v, and the output map is multiplied by R^T. The model computes the same as before, except for
  /// rounding.
  void rotateHeads(int64_t heads);
};

/// The singular values of `heads` by index, as root mean squares over the heads.
template <typename Factorizations>
Eigen::VectorXd meanSpectrum(const Factorizations &heads) {
  Eigen::VectorXd sum = Eigen::VectorXd::Zero(heads.front().singularValues().size());
  for (const auto &head : heads)
    sum += Eigen::VectorXd(head.singularValues().array().square());
  return (sum / double(heads.size())).cwiseSqrt();
}

/// The bias that `op` adds to its scores, if it has one. Emits an error at `op` if it is not a finite constant.
mlir::FailureOr<std::optional<reference::Tensor>> scoreBiasOf(AttentionOp op);

/// The result of narrowing the heads of an attention.
struct NarrowedAttention {
  llvm::SmallVector<LinearOp, 4> layers;           ///< the new inputs, then the new output
  Eigen::VectorXd queryKeySpectrum, valueSpectrum; ///< see `meanSpectrum`
};

/// An attention whose operands and result are connected to linear layers alone.
class AttentionMaps {
public:
  /// Matches the layers around `attention`. Fails, with the reason, unless query, key and value are computed by linear
  /// layers from one input, the attention reads every column of these layers and is their only reader, and one linear
  /// layer is the only reader of its result.
  static llvm::Expected<AttentionMaps> match(AttentionOp attention);

  /// The layers that compute query, key and value: one to three, in program order.
  llvm::ArrayRef<LinearOp> inputs() const { return linears; }
  LinearOp output() const { return outputLinear; }
  int64_t heads() const { return AttentionOp(attention).getHeads(); }
  llvm::StringRef name() const { return AttentionOp(attention).getLayer(); }
  /// Query, key and value, named "Q", "K" and "V".
  std::array<std::pair<llvm::StringRef, Projection>, 3> projections() const {
    return {{{"Q", query}, {"K", key}, {"V", value}}};
  }
  /// The widths of the heads.
  HeadWidths widths() const { return {query.width / heads(), value.width / heads()}; }

  /// Reads the weights of all layers. Emits an error at a layer whose weights are not finite constants.
  mlir::FailureOr<AttentionWeights> readWeights();

  /// Factorises the products of each head's maps for `tokens`, the input of `inputs()` on each calibration image.
  std::vector<numerics::QueryKeyFactorization> factorizeQueryKey(const AttentionWeights &weights,
                                                                 llvm::ArrayRef<reference::Tensor> tokens);
  std::vector<numerics::ValueOutputFactorization> factorizeValueOutput(const AttentionWeights &weights,
                                                                       llvm::ArrayRef<reference::Tensor> tokens);

  /// The map of `layer`, one of `inputs()` or `output()`, that holds its part of `weights`.
  numerics::LinearMap mapOf(LinearOp layer, const AttentionWeights &weights);

  /// Narrows the heads to `target`, fitted to `tokens`, which are finite. Replaces the attention and its layers, which
  /// invalidates this object. Emits an error at a layer whose weights are not finite constants.
  mlir::FailureOr<NarrowedAttention> narrow(HeadWidths target, llvm::ArrayRef<reference::Tensor> tokens);

  /// The number of queries and of keys.
  int64_t queries() const { return query.rows; }
  int64_t keys() const { return key.rows; }

private:
  /// A projection with its part of `AttentionWeights`.
  struct ProjectionWeights {
    const Projection *projection;
    const Eigen::MatrixXd *map;
    const Eigen::VectorXd *bias;
  };
  /// The three projections, in the order of their columns.
  std::array<ProjectionWeights, 3> projectionWeights(const AttentionWeights &weights) const;
  llvm::SmallVector<LinearOp, 4> rewrite(const AttentionWeights &weights);

  AttentionOp attention;
  Projection query, key, value;
  llvm::SmallVector<LinearOp, 3> linears;
  LinearOp outputLinear;
};

} // namespace vitya

#endif // VITYA_PASSES_ANALYSIS_ATTENTIONMAPS_H
