// What quantization will do to a model, computed in f32 before it is done: the operands and the weights of layers are
// rounded to the levels of the integers that will store them. This is known as fake quantization.
#ifndef VITYA_PASSES_QUANTIZE_FAKEQUANTIZATION_H
#define VITYA_PASSES_QUANTIZE_FAKEQUANTIZATION_H

#include "passes/analysis/Replay.h"
#include "passes/quantize/Passes.h"
#include "passes/quantize/QuantizedLayers.h"

namespace vitya {

/// The rounding that a quantization pass with given options will apply to the layers of a model. It differs from that
/// pass in two details: ranges are observed for all rows, also for those that are dropped as unread before calibration,
/// and the exponentials of a softmax are not rounded.
class FakeQuantization {
public:
  /// Without a quantization, no layer is rounded.
  explicit FakeQuantization(const QuantizeOptions &options);

  /// Whether `op` is an f32 layer that will be quantized.
  bool quantizes(mlir::Operation *op) const;

  /// The bits of the weight of `op`, which will be quantized, and which of its elements share a scale.
  unsigned bitsOf(LinearOp op) const { return filter->bitsOf(op); }
  WeightGranularity granularity() const { return weights; }

  /// `values` of `operand`, one finite tensor per image, as the quantized layer will read them.
  std::vector<reference::Tensor> roundOperand(const QuantizableOperand &operand,
                                              llvm::ArrayRef<reference::Tensor> values) const;

  /// The results of the layer `op` with its weights as in `vitya.rounded`, or rounded to nearest without that, on
  /// `operands`, which roundOperand() has returned: for each operand one tensor per image. An error at `op` unless its
  /// weights are finite constants.
  mlir::FailureOr<std::vector<reference::Tensor>> run(mlir::Operation *op,
                                                      llvm::ArrayRef<std::vector<reference::Tensor>> operands) const;

private:
  QuantizeOptions options;
  std::optional<LayerFilter> filter; ///< absent without a quantization
  WeightGranularity weights = WeightGranularity::channel;
  ActivationBits activationBits = ActivationBits::u8;
};

/// A replay of a model in which layers are executed as they will be when they are quantized.
class QuantizedReplay {
public:
  QuantizedReplay(mlir::func::FuncOp function, const ImageSet &images, int64_t count, FakeQuantization quantization)
      : replay(function, images, count), quantization(std::move(quantization)) {}

  /// See Replay::advanceTo.
  mlir::LogicalResult advanceTo(mlir::Operation *op);
  /// The input of `op`, to which the replay has advanced, as `op` will read it: rounded if it will be quantized.
  std::vector<reference::Tensor> inputOf(LinearOp op);

private:
  mlir::LogicalResult execute(mlir::Operation *layer);
  /// The operand of a layer to which the replay has advanced, rounded.
  const std::vector<reference::Tensor> &rounded(const QuantizableOperand &operand);

  Replay replay;
  FakeQuantization quantization;
  /// The operand that was rounded last: a layer is executed after its input was asked for, and several layers may read
  /// one value.
  struct {
    mlir::Value value;
    bool isSigned = false;
    std::vector<reference::Tensor> tensors;
  } latest;
};

} // namespace vitya

#endif // VITYA_PASSES_QUANTIZE_FAKEQUANTIZATION_H
