// Shared parts of the quantization passes: the choice of layers, the quantization of weights, and records of the
// outcome.
#ifndef VITYA_PASSES_QUANTIZE_QUANTIZEDLAYERS_H
#define VITYA_PASSES_QUANTIZE_QUANTIZEDLAYERS_H

#include "passes/analysis/LinearLayers.h"
#include "passes/quantize/QuantizationOptions.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"
#include <optional>

namespace vitya {

/// Selects the layers to quantize: those whose name matches `layers`, does not match `except` (if that is not empty)
/// and is not in `keepF32`; and how many `bits` their weights have. A part or factor of a trained layer is selected by
/// its own name or by that of the layer.
class LayerFilter {
public:
  /// Errors at `module`: no @main, a pattern that is not a regular expression, a pattern or name that fits no linear
  /// layer and no attention, and a rule of `bits` that decides for no selected linear layer.
  static mlir::FailureOr<LayerFilter> create(mlir::ModuleOp module, llvm::StringRef layers, llvm::StringRef except,
                                             llvm::ArrayRef<std::string> keepF32, const BitsByLayer &bits);

  /// A filter that may match nothing, for names that only a later pass creates.
  LayerFilter(llvm::StringRef layers, llvm::StringRef except, llvm::ArrayRef<std::string> keepF32, BitsByLayer bits);

  /// The reason why the layer is not selected; nothing if it is.
  std::optional<std::string> whyNot(LinearOp op) const { return whyNot(namesOf(op)); }
  std::optional<std::string> whyNot(AttentionOp op) const { return whyNot({op.getLayer()}); }

  /// The bits of the weight of a selected layer.
  unsigned bitsOf(LinearOp op) const { return bits.bitsOf(namesOf(op)); }

private:
  static llvm::SmallVector<llvm::StringRef, 2> namesOf(LinearOp op) { return {op.getLayer(), layerNameOf(op)}; }
  std::optional<std::string> whyNot(llvm::ArrayRef<llvm::StringRef> names) const;
  mlir::LogicalResult checkBits(mlir::func::FuncOp entry) const;

  std::string layers, except;
  llvm::StringSet<> keepF32;
  BitsByLayer bits;
};

/// The reason why `op`, which is f32, cannot multiply integers; nothing if it can. Its weight must be a constant
/// of zeros or of a magnitude that has a normal scale, and a 32-bit sum must hold the products of its whole inner
/// width.
std::optional<std::string> whyNotInteger(LinearOp op);
std::optional<std::string> whyNotInteger(AttentionOp op);

/// Emits an error at `module` unless vitya-calibrate has attached ranges to it and it has not changed since.
mlir::LogicalResult checkCalibrated(mlir::ModuleOp module);

/// The levels of the operands of layers in static quantization. `bits` are those of the inputs of linear layers;
/// operands of attention have 8.
numerics::Levels levelsOf(const QuantizableOperand &operand, ActivationBits bits);

/// The record of `quantized`, which has `bits` bits, for the weight of `op`. `reason` says how it was found.
RoundedWeightAttr makeRounded(LinearOp op, const numerics::QuantizedWeight &quantized, WeightGranularity granularity,
                              unsigned bits, const llvm::Twine &reason);
/// The weight that `rounded`, a record on `op`, describes. An error at `op` if its integers were elided.
mlir::FailureOr<numerics::QuantizedWeight> quantizedWeightOf(LinearOp op, RoundedWeightAttr rounded);

/// A quantized weight: a quant.scast and, to be added to the reason in the record of the layer, how it was rounded;
/// nothing if to nearest.
struct WeightCast {
  mlir::Value value;
  std::string reason;
};
/// Quantizes the constant weight of `op` to signed integers of `bits` bits, and removes its `vitya.rounded`. The cast
/// is inserted before `op` and has the relative noise as `vitya.noise`. An error at `op` if the weight is not finite,
/// or if a `rounding` other than nearest finds no `vitya.rounded` for it.
mlir::FailureOr<WeightCast> quantizeWeight(LinearOp op, WeightGranularity granularity, unsigned bits,
                                           WeightRounding rounding);

/// The bias of `op`, whose input and weight are already quantized with static scales, as i32 in steps of the factors of
/// its rows, inserted before `op`. The unchanged bias if it is not a constant or if 32 bits might not hold its sum with
/// the products; null if there is none.
mlir::Value quantizeBias(LinearOp op);

/// The type of u8 elements of `bits` bits whose scale and zero point are computed at run time.
mlir::quant::QuantizedType dynamicType(mlir::MLIRContext *context, ActivationBits bits);
/// The type of elements with the scale, zero point and levels of `parameters`, stored in 4 bits if these are enough,
/// else in 8.
mlir::quant::QuantizedType uniformType(mlir::MLIRContext *context, const numerics::AffineParameters &parameters);

/// Collects the outcome for the parts of each trained layer, then sets one `info` for the whole layer on all of them.
class LayerRecords {
public:
  /// Records that `op` now has `format`, and why.
  void add(LinearOp op, LayerFormat format, const llvm::Twine &reason);
  /// Records that `op` stays f32, and why.
  void keep(LinearOp op, const llvm::Twine &reason) { add(op, LayerFormat::f32(), "stays f32: " + reason); }
  /// Sets the `vitya.attention_info` of an attention, which has no parts.
  static void set(AttentionOp op, LayerFormat format, const llvm::Twine &reason);
  static void keep(AttentionOp op, const llvm::Twine &reason) { set(op, LayerFormat::f32(), "stays f32: " + reason); }
  /// Sets the `info` of all ops that were added.
  void write() const;

private:
  struct Entry {
    LinearOp op;
    LayerFormat format;
    std::string reason;
  };
  llvm::MapVector<llvm::StringRef, llvm::SmallVector<Entry, 2>> layers; ///< by name of the trained layer
};

/// Emits a remark that gives the reason why a selected layer is left alone.
template <typename Op>
void remarkLeftAlone(Op op, const llvm::Twine &reason) {
  mlir::emitRemark(op.getLoc()) << "layer '" << op.getLayer() << "' " << reason;
}

/// The same for a layer that is not in f32.
template <typename Op>
void remarkNotF32(Op op) {
  remarkLeftAlone(op, op.isQuantized() ? "is quantized already: left alone" : "is bf16 already: left alone");
}

} // namespace vitya

#endif // VITYA_PASSES_QUANTIZE_QUANTIZEDLAYERS_H
