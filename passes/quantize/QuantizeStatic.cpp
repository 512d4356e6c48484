// Static quantization: integer weights, and scales of activations fixed by what calibration saw.
#include "dialect/Fingerprint.h"
#include "passes/quantize/Passes.h"
#include "passes/quantize/QuantizedLayers.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace vitya::numerics;

namespace vitya {
#define GEN_PASS_DEF_QUANTIZESTATICPASS
#include "passes/quantize/Passes.h.inc"

namespace {

/// What a row's exponentials, which are at most 1, are rounded to.
constexpr AffineParameters kWeightParameters{1.0f / 255, 0, kUnsignedLevels};

struct QuantizeStatic : impl::QuantizeStaticPassBase<QuantizeStatic> {
  using QuantizeStaticPassBase::QuantizeStaticPassBase;

  void runOnOperation() override {
    if (failed(rewrite(getOperation())))
      signalPassFailure();
  }

private:
  LogicalResult checkCalibration(ModuleOp module) {
    auto calibrated = module->getAttrOfType<StringAttr>(kCalibratedAttrName);
    std::string expected = fingerprint(module);
    if (calibrated && calibrated.getValue() == expected)
      return success();
    return module.emitError("expected ranges of this very model, written by vitya-calibrate, found ")
           << (calibrated ? "those of another one: was it rewritten since?" : "none");
  }

  LogicalResult rewrite(ModuleOp module) {
    FailureOr<LayerFilter> filter = LayerFilter::create(module, layers, except);
    if (failed(filter) || failed(checkCalibration(module)))
      return failure();
    FailureOr<func::FuncOp> entry = entryOf(module);
    LayerRecords records;
    for (Operation &each : llvm::make_early_inc_range(entry->getBody().front())) {
      LogicalResult result = success();
      if (auto op = dyn_cast<LinearOp>(each))
        result = rewrite(op, *filter, records);
      if (auto op = dyn_cast<AttentionOp>(each))
        result = rewrite(op, *filter);
      if (failed(result))
        return failure();
    }
    records.write();
    module->removeAttr(kCalibratedAttrName);
    dropConstants(module);
    return success();
  }

  LogicalResult rewrite(LinearOp op, const LayerFilter &filter, LayerRecords &records) {
    std::optional<std::string> whyNot = filter.whyNot(op);
    if (op.isQuantized()) {
      if (!whyNot)
        remarkLeftAlone(op, kQuantizedAlready);
      return success();
    }
    if (!whyNot && (whyNot = whyNotInteger(op)))
      remarkLeftAlone(op, "stays f32: " + *whyNot);
    if (whyNot) {
      op->removeAttr(kRangesAttrName);
      records.keep(op, *whyNot);
      return success();
    }
    FailureOr<SmallVector<ObservedRangeAttr>> ranges = rangesOf(op);
    if (failed(ranges))
      return failure();
    FailureOr<Value> weight = quantizeWeight(op, weights);
    if (failed(weight))
      return failure();
    Value input = quantize(op.getInput(), ranges->front(), Symmetry::affine);
    op.getInputMutable().assign(input);
    op.getWeightMutable().assign(*weight);
    records.add(op, "u8 x s8 static", nameOf(observer) + ", " + shown(input, ranges->front()));
    return success();
  }

  LogicalResult rewrite(AttentionOp op, const LayerFilter &filter) {
    std::optional<std::string> whyNot = filter.whyNot(op);
    if (op.isQuantized()) {
      if (!whyNot && attention)
        remarkLeftAlone(op, kQuantizedAlready);
      return success();
    }
    if (!whyNot && !attention)
      whyNot = "attention=false";
    if (!whyNot && (whyNot = whyNotInteger(op)))
      remarkLeftAlone(op, "stays f32: " + *whyNot);
    if (whyNot) {
      op->removeAttr(kRangesAttrName);
      LayerRecords::keep(op, *whyNot);
      return success();
    }
    FailureOr<SmallVector<ObservedRangeAttr>> ranges = rangesOf(op);
    if (failed(ranges))
      return failure();
    op.getQueryMutable().assign(quantize(op.getQuery(), (*ranges)[0], Symmetry::affine));
    op.getKeyMutable().assign(quantize(op.getKey(), (*ranges)[1], Symmetry::symmetric));
    op.getValueMutable().assign(quantize(op.getValue(), (*ranges)[2], Symmetry::symmetric));
    op.setWeightsAttr(TypeAttr::get(uniformType(&getContext(), kWeightParameters)));
    LayerRecords::set(op, "u8 x s8 static",
                      nameOf(observer) + "; query " + shown(op.getQuery(), (*ranges)[0]) + "; key " +
                          shown(op.getKey(), (*ranges)[1]) + "; value " + shown(op.getValue(), (*ranges)[2]));
    return success();
  }

  /// The scale of `value`, and what calibration saw of numbers in `range`.
  static std::string shown(Value value, ObservedRangeAttr range) {
    auto type = cast<quant::UniformQuantizedType>(getElementTypeOrSelf(value.getType()));
    std::string text;
    llvm::raw_string_ostream os(text);
    os << llvm::format("scale %.3g, %.2f %% clipped, ", type.getScale(), 100 * range.getClipped().convertToDouble());
    if (std::optional<double> ratio = signalToNoise(range.getNoise().convertToDouble()))
      os << llvm::format("%.1f dB", *ratio);
    else
      os << "no noise";
    return text;
  }

  /// What the observer proposes for each operand of `op`. Nothing else stays on the op.
  FailureOr<SmallVector<ObservedRangeAttr>> rangesOf(Operation *op) {
    SmallVector<ObservedRangeAttr> result;
    SmallVector<Attribute> kept;
    if (auto operands = op->getAttrOfType<ArrayAttr>(kRangesAttrName))
      for (auto ranges : operands.getAsRange<ArrayAttr>())
        for (auto range : ranges.getAsRange<ObservedRangeAttr>())
          if (range.getObserver() == nameOf(observer)) {
            result.push_back(range);
            kept.push_back(ArrayAttr::get(&getContext(), {range}));
            break;
          }
    size_t operands = isa<LinearOp>(op) ? 1 : 3;
    if (result.size() != operands)
      return op->emitOpError("expected a range by ")
             << nameOf(observer) << " for each of " << operands << " operands in '" << kRangesAttrName << "', found "
             << result.size();
    op->setAttr(kRangesAttrName, ArrayAttr::get(&getContext(), kept));
    return result;
  }

  /// `value` cast to 8 bits of `range` right where it is made, once for all readers of that type.
  Value quantize(Value value, ObservedRangeAttr range, Symmetry symmetry) {
    AffineParameters parameters =
        parametersOf({float(range.getMin().convertToDouble()), float(range.getMax().convertToDouble())}, symmetry);
    auto type = RankedTensorType::get(cast<RankedTensorType>(value.getType()).getShape(),
                                      uniformType(&getContext(), parameters));
    Value &result = quantized[{value, type}];
    if (!result) {
      OpBuilder builder(&getContext());
      builder.setInsertionPointAfterValue(value);
      result = quant::QuantizeCastOp::create(builder, value.getLoc(), type, value);
    }
    return result;
  }

  llvm::DenseMap<std::pair<Value, Type>, Value> quantized;
};

} // namespace
} // namespace vitya
