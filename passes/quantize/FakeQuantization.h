// Fake quantization: computes the effect of quantization in f32, before a model is quantized. The operands and weights
// of layers are rounded to the values of the integers that will store them.
#ifndef VITYA_PASSES_QUANTIZE_FAKEQUANTIZATION_H
#define VITYA_PASSES_QUANTIZE_FAKEQUANTIZATION_H

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OwningOpRef.h"
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
  WeightRounding rounding() const { return roundingOf(options); }

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

/// Two replays of a model that advance through its layers together: one of the model as it is now, and one of the model
/// as it will be quantized, whose layers may be changed before they are executed.
class PairedReplay {
public:
  PairedReplay(mlir::ModuleOp module, const ImageSet &images, const FakeQuantization &quantization);

  /// Advances both to `op`, a layer of the module.
  mlir::LogicalResult advanceTo(LinearOp op);
  /// The value in the unchanged model that `op` reads there.
  mlir::Value originalInput(LinearOp op) const;
  /// For `op`, to which both have advanced: its input in the unchanged model.
  llvm::ArrayRef<reference::Tensor> originalInputOf(LinearOp op) const { return original.valuesOf(originalInput(op)); }
  /// The same in the quantized model, as `op` will read it.
  std::vector<reference::Tensor> quantizedInputOf(LinearOp op) { return quantized.inputOf(op); }

private:
  mlir::IRMapping clones;
  mlir::OwningOpRef<mlir::ModuleOp> clone; ///< the unchanged model
  Replay original;
  QuantizedReplay quantized;
};

} // namespace vitya

#endif // VITYA_PASSES_QUANTIZE_FAKEQUANTIZATION_H
