// What the quantization passes share: which ops they touch, how weights become integers, what is recorded.
#ifndef VITYA_PASSES_QUANTIZE_QUANTIZEDLAYERS_H
#define VITYA_PASSES_QUANTIZE_QUANTIZEDLAYERS_H

#include "passes/analysis/LinearLayers.h"
#include "passes/quantize/QuantizationOptions.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Regex.h"
#include <optional>

namespace vitya {

/// Which layers are to be quantized: those whose name `layers` matches and `except`, unless it is empty, does not. The
/// name of a part or factor of a trained layer counts, and that of the layer.
class LayerFilter {
public:
  /// Errors at `module`, which has an @main: a pattern that is no regular expression or matches no linear layer and no
  /// attention.
  static mlir::FailureOr<LayerFilter> create(mlir::ModuleOp module, llvm::StringRef layers, llvm::StringRef except);

  /// Why the layer is not to be quantized; nothing if it is.
  std::optional<std::string> whyNot(LinearOp op) const { return whyNot({op.getLayer(), layerNameOf(op)}); }
  std::optional<std::string> whyNot(AttentionOp op) const { return whyNot({op.getLayer()}); }

private:
  std::optional<std::string> whyNot(llvm::ArrayRef<llvm::StringRef> names) const;
  bool matches(llvm::StringRef pattern, llvm::ArrayRef<llvm::StringRef> names) const;

  std::string layers, except;
};

/// Why `op`, which is f32, cannot be a product of 8-bit integers; nothing if it can. Its inner width has to be a
/// multiple of 4, which instructions multiply at once, unless it is the width between two factors, and no wider than a
/// 32-bit sum holds.
std::optional<std::string> whyNotInteger(LinearOp op);
std::optional<std::string> whyNotInteger(AttentionOp op);

/// The weight of `op`, a constant, as s8 behind a quant.scast that says what was lost, inserted before `op`; an error
/// at `op` unless it is finite.
mlir::FailureOr<mlir::Value> quantizeWeight(LinearOp op, WeightGranularity granularity);

/// u8 with a scale and zero point that are found at run time, s8 with `scale`, and u8 with those of `parameters`.
mlir::quant::QuantizedType dynamicType(mlir::MLIRContext *context);
mlir::quant::QuantizedType uniformType(mlir::MLIRContext *context, const numerics::AffineParameters &parameters);

/// The noise of the quantized weight of a layer over its signal; nothing where the f32 weight is not known.
std::optional<double> noiseOfWeight(mlir::Value weight);

/// Collects what became of the parts of each trained layer, and writes one record on all of them.
class LayerRecords {
public:
  /// Notes that `op` has `format` now, for `reason`.
  void add(LinearOp op, llvm::StringRef format, const llvm::Twine &reason);
  /// Notes that `op` stays f32.
  void keep(LinearOp op, const llvm::Twine &reason) { add(op, "f32", "stays f32: " + reason); }
  /// The same for an attention, at once.
  static void set(AttentionOp op, llvm::StringRef format, const llvm::Twine &reason);
  static void keep(AttentionOp op, const llvm::Twine &reason) { set(op, "f32", "stays f32: " + reason); }
  void write() const;

private:
  struct Entry {
    LinearOp op;
    std::string format, reason;
  };
  llvm::MapVector<llvm::StringRef, llvm::SmallVector<Entry, 2>> layers; ///< by the name of the trained layer
};

/// Why `op`, which the pass was asked to quantize, is not: a remark.
template <typename Op>
void remarkLeftAlone(Op op, const llvm::Twine &reason) {
  mlir::emitRemark(op.getLoc()) << "layer '" << op.getLayer() << "' " << reason;
}
inline constexpr llvm::StringLiteral kQuantizedAlready = "is quantized already: left alone";

} // namespace vitya

#endif // VITYA_PASSES_QUANTIZE_QUANTIZEDLAYERS_H
