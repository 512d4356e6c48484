// Static quantization: weights and activations become integers with scales fixed at compile time, those of activations
// from calibration.
#include "passes/quantize/Passes.h"
#include "passes/quantize/QuantizedLayers.h"
#include "llvm/Support/Debug.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace vitya::numerics;

namespace vitya {
#define DEBUG_TYPE "vitya-quantize-static"
#define GEN_PASS_DEF_QUANTIZESTATICPASS
#include "passes/quantize/Passes.h.inc"

namespace {

/// The exponentials of the softmax are at most 1; they are rounded to multiples of 1/255.
constexpr AffineParameters kExponentialParameters{1.0f / 255, 0, kUnsignedLevels};

struct QuantizeStatic : impl::QuantizeStaticPassBase<QuantizeStatic> {
  using QuantizeStaticPassBase::QuantizeStaticPassBase;

  /// In the order of Passes.td.
  QuantizeStaticPassOptions options() const {
    return {observer,       attention, bits,
            activationBits, weights,   rounding,
            layers,         except,    llvm::to_vector(ArrayRef<std::string>(keepF32))};
  }

  void runOnOperation() override {
    if (failed(rewrite(getOperation())))
      signalPassFailure();
  }

private:
  LogicalResult rewrite(ModuleOp module) {
    FailureOr<LayerFilter> filter = LayerFilter::create(module, layers, except, *keepF32, bits);
    if (failed(filter) || failed(checkCalibrated(module)))
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
    module->removeAttr(VityaDialect::CalibratedAttrHelper::getNameStr());
    dropConstants(module);
    return success();
  }

  LogicalResult rewrite(LinearOp op, const LayerFilter &filter, LayerRecords &records) {
    std::optional<std::string> whyNot = filter.whyNot(op);
    if (!op.isF32()) {
      if (!whyNot)
        remarkNotF32(op);
      return success();
    }
    if (!whyNot && (whyNot = whyNotInteger(op)))
      remarkLeftAlone(op, "stays f32: " + *whyNot);
    LLVM_DEBUG(llvm::dbgs() << op.getLayer() << ": " << whyNot.value_or("quantized") << '\n');
    if (whyNot) {
      op->removeAttr(VityaDialect::RangesAttrHelper::getNameStr());
      dropRounded(op);
      records.keep(op, *whyNot);
      return success();
    }
    FailureOr<SmallVector<ObservedRangeAttr>> ranges = rangesOf(op);
    if (failed(ranges))
      return failure();
    FailureOr<WeightCast> weight = quantizeWeight(op, weights, filter.bitsOf(op), rounding);
    if (failed(weight))
      return failure();
    Value input = quantize(op.getQuantizableOperands().front(), ranges->front());
    op.getInputMutable().assign(input);
    op.getWeightMutable().assign(weight->value);
    if (Value bias = quantizeBias(op))
      op.getBiasMutable().assign(bias);
    records.add(op, op.getFormat(), nameOf(observer) + ", " + summary(input, ranges->front()) + weight->reason);
    return success();
  }

  LogicalResult rewrite(AttentionOp op, const LayerFilter &filter) {
    std::optional<std::string> whyNot = filter.whyNot(op);
    if (!op.isF32()) {
      if (!whyNot && attention)
        remarkNotF32(op);
      return success();
    }
    if (!whyNot && !attention)
      whyNot = "attention=false";
    if (!whyNot && (whyNot = whyNotInteger(op)))
      remarkLeftAlone(op, "stays f32: " + *whyNot);
    LLVM_DEBUG(llvm::dbgs() << op.getLayer() << ": " << whyNot.value_or("quantized") << '\n');
    if (whyNot) {
      op->removeAttr(VityaDialect::RangesAttrHelper::getNameStr());
      LayerRecords::keep(op, *whyNot);
      return success();
    }
    FailureOr<SmallVector<ObservedRangeAttr>> ranges = rangesOf(op);
    if (failed(ranges))
      return failure();
    for (auto [operand, range] : llvm::zip_equal(op.getQuantizableOperands(), *ranges))
      operand.operand->assign(quantize(operand, range));
    op.setWeightsAttr(TypeAttr::get(uniformType(&getContext(), kExponentialParameters)));
    LayerRecords::set(op, op.getFormat(),
                      nameOf(observer) + "; query " + summary(op.getQuery(), (*ranges)[0]) + "; key " +
                          summary(op.getKey(), (*ranges)[1]) + "; value " + summary(op.getValue(), (*ranges)[2]));
    return success();
  }

  /// A text with the scale of `value`, the share of values that `range` clips and the signal-to-noise ratio.
  static std::string summary(Value value, ObservedRangeAttr range) {
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

  /// The ranges that the selected observer proposed for the operands of `op`. Those of other observers are removed.
  FailureOr<SmallVector<ObservedRangeAttr>> rangesOf(LayerOpInterface op) {
    SmallVector<ObservedRangeAttr> result;
    SmallVector<Attribute> kept;
    if (auto operands = getDiscardable<VityaDialect::RangesAttrHelper>(op))
      for (auto ranges : operands.getAsRange<ArrayAttr>())
        for (auto range : ranges.getAsRange<ObservedRangeAttr>())
          if (range.getObserver() == nameOf(observer)) {
            result.push_back(range);
            kept.push_back(ArrayAttr::get(&getContext(), {range}));
            break;
          }
    size_t operands = op.getQuantizableOperands().size();
    if (result.size() != operands)
      return op->emitOpError("expected a range by ")
             << nameOf(observer) << " for each of " << operands << " operands in '"
             << VityaDialect::RangesAttrHelper::getNameStr() << "', found " << result.size();
    setDiscardable<VityaDialect::RangesAttrHelper>(op, ArrayAttr::get(&getContext(), kept));
    return result;
  }

  /// Casts the value of `operand` to integers of `range` right after the op that computes it, once for all readers of
  /// the resulting type.
  Value quantize(const QuantizableOperand &operand, ObservedRangeAttr range) {
    Value value = operand.value();
    AffineParameters parameters =
        parametersOf({float(range.getMin().convertToDouble()), float(range.getMax().convertToDouble())},
                     levelsOf(operand, activationBits));
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

llvm::Expected<QuantizeStaticPassOptions> parseQuantizeStaticOptions(StringRef flag, StringRef text) {
  return parseOptionsOf<QuantizeStatic>(flag, text);
}

} // namespace vitya
