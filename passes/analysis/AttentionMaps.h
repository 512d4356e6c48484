// An attention together with the linear layers around it, whose products are what it computes with.
#ifndef VITYA_PASSES_ANALYSIS_ATTENTIONMAPS_H
#define VITYA_PASSES_ANALYSIS_ATTENTIONMAPS_H

#include "passes/analysis/LinearLayers.h"
#include "passes/analysis/Replay.h"
#include "passes/numerics/AttentionFactorization.h"
#include "llvm/Support/Error.h"

namespace vitya {

/// The columns of a linear layer that an attention takes as its queries, keys or values.
struct Projection {
  LinearOp linear;
  mlir::tensor::ExtractSliceOp slice; ///< null where it takes the whole result
  int64_t column = 0, width = 0;
  int64_t row = 0, rows = 0; ///< tokens
};

/// The widths of the heads of an attention. As a target, 0 leaves a width unchanged.
struct HeadWidths {
  int64_t queryKey = 0, value = 0;

  /// Whether this target changes a width.
  bool isNarrowed() const { return queryKey != 0 || value != 0; }
};

/// The maps of an attention, those of all heads one below the other.
struct AttentionWeights {
  Eigen::MatrixXd query, key, value; ///< [heads * width, in]
  Eigen::MatrixXd output;            ///< [out, heads * width]
  Eigen::VectorXd queryBias, keyBias, valueBias, outputBias;

  /// Cuts the product of each head's query and key maps at `rank`; zeros fill each head up to `width` rows.
  void truncateQueryKey(llvm::ArrayRef<numerics::QueryKeyFactorization> heads, int64_t rank, int64_t width);
  /// The same for value and output maps.
  void truncateValueOutput(llvm::ArrayRef<numerics::ValueOutputFactorization> heads, int64_t rank, int64_t width);
};

/// The root mean square over heads of their singular values.
template <typename Factorizations>
Eigen::VectorXd meanSpectrum(const Factorizations &heads) {
  Eigen::VectorXd sum = Eigen::VectorXd::Zero(heads.front().singularValues().size());
  for (const auto &head : heads)
    sum += Eigen::VectorXd(head.singularValues().array().square());
  return (sum / double(heads.size())).cwiseSqrt();
}

/// An attention whose heads became narrower.
struct NarrowedAttention {
  llvm::SmallVector<LinearOp, 4> layers;           ///< the new inputs, then the new output
  Eigen::VectorXd queryKeySpectrum, valueSpectrum; ///< `meanSpectrum`
};

/// An attention that nothing but its own linear layers surrounds.
class AttentionMaps {
public:
  /// The maps around `attention`. The error says which of these does not hold: query, key and value come from linear
  /// layers of one input, of which the attention reads every column and nothing else reads any, and one linear layer
  /// alone reads the result.
  static llvm::Expected<AttentionMaps> match(AttentionOp attention);

  /// Layers whose results are query, key and value: one to three, in program order.
  llvm::ArrayRef<LinearOp> inputs() const { return linears; }
  LinearOp output() const { return outputLinear; }
  int64_t heads() const { return AttentionOp(attention).getHeads(); }
  llvm::StringRef name() const { return AttentionOp(attention).getLayer(); }
  /// What the attention reads, with the letters they are known by.
  std::array<std::pair<llvm::StringRef, Projection>, 3> projections() const {
    return {{{"Q", query}, {"K", key}, {"V", value}}};
  }
  /// The widths that heads have.
  HeadWidths widths() const { return {query.width / heads(), value.width / heads()}; }

  /// The maps as they are. Weights that are no finite constants are an error at their layer.
  mlir::FailureOr<AttentionWeights> readWeights();

  /// The products of each head's maps, fitted to `tokens`, the input of `inputs()` on every calibration image.
  std::vector<numerics::QueryKeyFactorization> factorizeQueryKey(const AttentionWeights &weights,
                                                                 llvm::ArrayRef<reference::Tensor> tokens);
  std::vector<numerics::ValueOutputFactorization> factorizeValueOutput(const AttentionWeights &weights,
                                                                       llvm::ArrayRef<reference::Tensor> tokens);

  /// What `layer`, one of `inputs()` or `output()`, is with `weights`.
  numerics::LinearMap mapOf(LinearOp layer, const AttentionWeights &weights);

  /// Narrows the heads to `target`, fitted to `tokens`. Replaces the attention and its layers: these maps are void
  /// then. Returns the new output layer. Weights that are no finite constants, and tokens that are not finite, are an
  /// error at their layer.
  mlir::FailureOr<NarrowedAttention> narrow(HeadWidths target, llvm::ArrayRef<reference::Tensor> tokens);

  /// Tokens of queries and of keys.
  int64_t queries() const { return query.rows; }
  int64_t keys() const { return key.rows; }

private:
  struct Part {
    const Projection *projection;
    const Eigen::MatrixXd *map;
    const Eigen::VectorXd *bias;
  };
  std::array<Part, 3> partsOf(const AttentionWeights &weights) const;
  llvm::SmallVector<LinearOp, 4> rewrite(const AttentionWeights &weights);

  AttentionOp attention;
  Projection query, key, value;
  llvm::SmallVector<LinearOp, 3> linears;
  LinearOp outputLinear;
};

} // namespace vitya

#endif // VITYA_PASSES_ANALYSIS_ATTENTIONMAPS_H
