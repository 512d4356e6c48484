// An attention together with the linear layers around it, whose products are what it computes with.
#ifndef VITYA_PASSES_COMPRESS_ATTENTIONMAPS_H
#define VITYA_PASSES_COMPRESS_ATTENTIONMAPS_H

#include "passes/compress/LinearLayers.h"
#include "passes/compress/Replay.h"
#include "llvm/Support/Error.h"

namespace vitya {

/// The columns of a linear layer that an attention takes as its queries, keys or values.
struct Projection {
  LinearOp linear;
  mlir::tensor::ExtractSliceOp slice; ///< null where it takes the whole result
  int64_t column = 0, width = 0;
  int64_t row = 0, rows = 0; ///< tokens
};

/// Widths of heads; 0 leaves them as they are.
struct HeadWidths {
  int64_t queryKey = 0, value = 0;
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
  LinearOp output() { return outputLinear; }
  int64_t heads() { return attention.getHeads(); }
  /// The widths that heads have.
  HeadWidths widths() { return {query.width / heads(), value.width / heads()}; }

  /// Narrows the heads to `target` through the products of their maps, fitted to `tokens`, the input of `inputs()` on
  /// every calibration image. Replaces the attention and its layers: these maps are void then. Returns the new output
  /// layer. Weights that are no finite constants, and tokens that are not finite, are an error at their layer.
  mlir::FailureOr<LinearOp> narrow(HeadWidths target, llvm::ArrayRef<reference::Tensor> tokens, int threads);

private:
  /// Maps of all heads one below the other, and the output map.
  struct Weights {
    Eigen::MatrixXd query, key, value, output;
    Eigen::VectorXd queryBias, keyBias, valueBias, outputBias;
  };
  mlir::FailureOr<Weights> readWeights();
  void narrowQueryKey(Weights &weights, int64_t width, llvm::ArrayRef<reference::Tensor> tokens, int threads);
  void narrowValue(Weights &weights, int64_t width, llvm::ArrayRef<reference::Tensor> tokens, int threads);
  LinearOp rewrite(const Weights &weights);

  AttentionOp attention;
  Projection query, key, value;
  llvm::SmallVector<LinearOp, 3> linears;
  LinearOp outputLinear;
};

} // namespace vitya

#endif // VITYA_PASSES_COMPRESS_ATTENTIONMAPS_H
