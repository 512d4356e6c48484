// Builds the ops of linear layers and norms.
#ifndef VITYA_FRONTEND_IMPORT_LAYERBUILDER_H
#define VITYA_FRONTEND_IMPORT_LAYERBUILDER_H

#include "dialect/Bf16Layers.h"
#include "frontend/import/CompressionRecord.h"
#include "frontend/import/Weights.h"
#include "frontend/layout/FoldBatchNorm.h"
#include "frontend/layout/Settings.h"

namespace vitya {

/// A tensor of tokens, one in each row; before the first step, the image.
using Tokens = mlir::TypedValue<mlir::RankedTensorType>;

/// Every shape is checked before the op that needs it is built, so that the error names the tensor.
class LayerBuilder {
public:
  /// All arguments outlive the result.
  LayerBuilder(mlir::OpBuilder &builder, Weights &weights, const CompressionRecord &record)
      : builder(builder), weights(weights), record(record) {}

  /// Applies a linear layer, which may be dense, quantized or stored as two factors.
  llvm::Expected<Tokens> linear(const Layer &layer, Tokens input);

  /// Applies the convolution of `step` to `input`, the windows of its kernel with the channel last. `window` is the
  /// size of the kernel. A batch norm is folded into kernel and bias.
  llvm::Expected<Tokens> convolution(const ConvolutionStep &step, Sizes window, Tokens input);

  /// Casts `value` to a quantized type with a scale, once for all readers, right after the op that computes it.
  mlir::Value cast(mlir::Value value, mlir::quant::QuantizedType element);

  /// Fails if there are records of quantized layers that the model does not have.
  llvm::Error checkRecords() const;

  /// Applies a norm. A LayerNorm without a bias gets a bias of zeros, and an RMSNorm must have none.
  llvm::Expected<Tokens> norm(const Layer &layer, Tokens input, NormKind kind, double eps);

private:
  llvm::Error checkWeight(const Layer &layer, Tokens input) const;
  llvm::Expected<Tokens> factors(const Layer &layer, Tokens input);
  llvm::Expected<Tokens> product(const Layer &layer, llvm::StringRef name, const TensorName &matrix, Tokens input,
                                 LinearInfoAttr info);
  llvm::Expected<Tokens> transposedProduct(const Layer &layer, Tokens input, LinearInfoAttr info);
  llvm::Expected<Tokens> quantizedProduct(const Layer &layer, llvm::StringRef name, const TensorName &matrix,
                                          Tokens input, LinearInfoAttr info);
  llvm::Expected<CompressionRecord::Linear> quantization(llvm::StringRef name, const TensorName &matrix);
  llvm::Expected<Tokens> recorded(LinearOp op, const TensorName &matrix);
  mlir::Value computedConstant(const std::string &name, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> values);
  llvm::Expected<std::vector<float>> readVector(const TensorName &name, int64_t size, float value) const;
  llvm::Expected<ChannelAffine> fold(const BatchNorm &norm, int64_t channels) const;
  llvm::Expected<std::vector<float>> scale(const Layer &layer, int64_t out) const;
  void recordScale(const Layer &layer, mlir::Value weight);
  llvm::Expected<mlir::Value> bias(const Layer &layer, int64_t out, llvm::ArrayRef<float> scale);
  llvm::Expected<mlir::Value> quantizedBias(const Layer &layer, int64_t out, bool isDynamic);
  /// A quantized activation and, if these are found at run time, its scales and zero points.
  struct QuantizedInput {
    mlir::Value bytes, params;
  };
  QuantizedInput quantize(Tokens input, const CompressionRecord::Linear &how);
  /// `input` with its columns multiplied by the factors that are recorded for the layer `name`; `input` without them.
  llvm::Expected<Tokens> scaleInput(llvm::StringRef name, Tokens input);

  mlir::OpBuilder &builder;
  Weights &weights;
  const CompressionRecord &record;
  Bf16Layers bf16Layers;
  // Shared by all layers that read the same value in the same way.
  llvm::DenseMap<std::pair<mlir::Value, mlir::Type>, mlir::Value> casts;
  llvm::DenseMap<std::tuple<mlir::Value, mlir::Type, Granularity, int64_t>, QuantizedInput> dynamicInputs;
  llvm::DenseMap<mlir::Value, Tokens> scaled;
  llvm::StringSet<> quantizedLayers, scaledLayers; ///< those whose records have been used
};

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_LAYERBUILDER_H
