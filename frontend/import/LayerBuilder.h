// Builds the ops of linear layers and layer norms.
#ifndef VITYA_FRONTEND_IMPORT_LAYERBUILDER_H
#define VITYA_FRONTEND_IMPORT_LAYERBUILDER_H

#include "frontend/import/CompressionRecord.h"
#include "frontend/import/Weights.h"

namespace vitya {

/// A tensor of tokens, one in each row; before the first step, the image.
using Tokens = mlir::TypedValue<mlir::RankedTensorType>;

/// Every shape is checked before the op that needs it is built, so that the error names the tensor.
class LayerBuilder {
public:
  /// All arguments outlive the result.
  LayerBuilder(mlir::OpBuilder &builder, const Weights &weights, const CompressionRecord &record)
      : builder(builder), weights(weights), record(record) {}

  /// Applies a linear layer, which may be dense, quantized or stored as two factors.
  llvm::Expected<Tokens> linear(const Layer &layer, Tokens input);

  /// Applies a LayerNorm.
  llvm::Expected<Tokens> layerNorm(const Layer &layer, Tokens input, double eps);

private:
  llvm::Error checkWeight(const Layer &layer, Tokens input) const;
  llvm::Expected<Tokens> factors(const Layer &layer, Tokens input);
  llvm::Expected<Tokens> product(const Layer &layer, llvm::StringRef name, const TensorName &matrix, Tokens input,
                                 LinearInfoAttr info);
  llvm::Expected<Tokens> quantizedProduct(const Layer &layer, llvm::StringRef name, const TensorName &matrix,
                                          Tokens input, LinearInfoAttr info);
  llvm::Expected<std::vector<float>> scale(const Layer &layer, int64_t out) const;
  llvm::Expected<mlir::Value> bias(const Layer &layer, int64_t out, llvm::ArrayRef<float> scale);
  /// An activation in 8 bits, and its scale and zero point.
  struct QuantizedInput {
    mlir::Value bytes, params;
  };
  QuantizedInput quantize(Tokens input);

  mlir::OpBuilder &builder;
  const Weights &weights;
  const CompressionRecord &record;
  llvm::DenseMap<mlir::Value, QuantizedInput> quantizedInputs; ///< shared by all layers that read the same value
};

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_LAYERBUILDER_H
