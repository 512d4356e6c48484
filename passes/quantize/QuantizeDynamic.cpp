// Dynamic quantization: weights become integers at compile time, activations at run time.
#include "passes/quantize/Passes.h"
#include "passes/quantize/QuantizedLayers.h"
#include "llvm/Support/Debug.h"

using namespace mlir;

namespace vitya {
#define DEBUG_TYPE "vitya-quantize-dynamic"
#define GEN_PASS_DEF_QUANTIZEDYNAMICPASS
#include "passes/quantize/Passes.h.inc"

namespace {

struct QuantizeDynamic : impl::QuantizeDynamicPassBase<QuantizeDynamic> {
  using QuantizeDynamicPassBase::QuantizeDynamicPassBase;

  /// In the order of Passes.td.
  QuantizeDynamicPassOptions options() const {
    return {granularity, bits,   activationBits, weights,
            rounding,    layers, except,         llvm::to_vector(ArrayRef<std::string>(keepF32))};
  }

  void runOnOperation() override {
    if (failed(rewrite(getOperation())))
      signalPassFailure();
  }

private:
  /// A quantized value, u8, and its scales and zero points.
  struct Quantized {
    Value value, params;
  };

  LogicalResult rewrite(ModuleOp module) {
    FailureOr<LayerFilter> filter = LayerFilter::create(module, layers, except, *keepF32, bits);
    if (failed(filter))
      return failure();
    FailureOr<func::FuncOp> entry = entryOf(module);
    LayerRecords records;
    for (auto op : llvm::make_early_inc_range(entry->getOps<LinearOp>())) {
      std::optional<std::string> whyNot = filter->whyNot(op);
      if (!op.isF32()) {
        if (!whyNot)
          remarkNotF32(op);
        continue;
      }
      if (!whyNot && (whyNot = whyNotInteger(op)))
        remarkLeftAlone(op, "stays f32: " + *whyNot);
      LLVM_DEBUG(llvm::dbgs() << op.getLayer() << ": " << whyNot.value_or("quantized") << '\n');
      if (whyNot) {
        dropRounded(op);
        records.keep(op, *whyNot);
        continue;
      }
      FailureOr<WeightCast> weight = quantizeWeight(op, weights, filter->bitsOf(op), rounding);
      if (failed(weight))
        return failure();
      Quantized input = quantize(op.getInput());
      op.getInputMutable().assign(input.value);
      op.getWeightMutable().assign(weight->value);
      op.getParamsMutable().assign(input.params);
      records.add(op, op.getFormat(), "range of each " + stringifyGranularity(granularity) + weight->reason);
    }
    for (auto op : entry->getOps<AttentionOp>())
      if (op.isF32() && !filter->whyNot(op))
        LayerRecords::set(op, LayerFormat::f32(), "queries, keys and values have no range before run time");
    records.write();
    dropConstants(module);
    return success();
  }

  /// Quantizes `value` right after the op that computes it, once for all readers.
  Quantized quantize(Value value) {
    Quantized &result = quantized[value];
    if (result.value)
      return result;
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfterValue(value);
    int32_t levels = levelsOf(activationBits).max;
    auto params = ChooseQParamsOp::create(builder, value.getLoc(), granularity, value, levels);
    auto type = RankedTensorType::get(cast<RankedTensorType>(value.getType()).getShape(),
                                      dynamicType(&getContext(), activationBits));
    auto bytes = QuantizeOp::create(builder, value.getLoc(), type, value, params, /*is_signed=*/false, levels);
    return result = {bytes, params};
  }

  llvm::DenseMap<Value, Quantized> quantized;
};

} // namespace

llvm::Expected<QuantizeDynamicPassOptions> parseQuantizeDynamicOptions(StringRef flag, StringRef text) {
  return parseOptionsOf<QuantizeDynamic>(flag, text);
}

} // namespace vitya
