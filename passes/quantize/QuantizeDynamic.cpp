// Dynamic quantization: integer weights, and scales of activations that are found at run time.
#include "passes/quantize/Passes.h"
#include "passes/quantize/QuantizedLayers.h"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_QUANTIZEDYNAMICPASS
#include "passes/quantize/Passes.h.inc"

namespace {

struct QuantizeDynamic : impl::QuantizeDynamicPassBase<QuantizeDynamic> {
  using QuantizeDynamicPassBase::QuantizeDynamicPassBase;

  void runOnOperation() override {
    if (failed(rewrite(getOperation())))
      signalPassFailure();
  }

private:
  /// A value as u8, with its parameters.
  struct Quantized {
    Value value, params;
  };

  LogicalResult rewrite(ModuleOp module) {
    FailureOr<LayerFilter> filter = LayerFilter::create(module, layers, except);
    if (failed(filter))
      return failure();
    FailureOr<func::FuncOp> entry = entryOf(module);
    LayerRecords records;
    for (auto op : llvm::make_early_inc_range(entry->getOps<LinearOp>())) {
      std::optional<std::string> whyNot = filter->whyNot(op);
      if (op.isQuantized()) {
        if (!whyNot)
          remarkLeftAlone(op, kQuantizedAlready);
        continue;
      }
      if (!whyNot && (whyNot = whyNotInteger(op)))
        remarkLeftAlone(op, "stays f32: " + *whyNot);
      if (whyNot) {
        records.keep(op, *whyNot);
        continue;
      }
      FailureOr<Value> weight = quantizeWeight(op, weights);
      if (failed(weight))
        return failure();
      Quantized input = quantize(op.getInput());
      op.getInputMutable().assign(input.value);
      op.getWeightMutable().assign(*weight);
      op.getParamsMutable().assign(input.params);
      records.add(op, "u8 x s8 dynamic", "range of each " + stringifyGranularity(granularity));
    }
    for (auto op : entry->getOps<AttentionOp>())
      if (!op.isQuantized() && !filter->whyNot(op))
        LayerRecords::set(op, "f32", "queries, keys and values have no range before run time");
    records.write();
    dropConstants(module);
    return success();
  }

  /// `value` quantized right where it is made, once for all its readers.
  Quantized quantize(Value value) {
    Quantized &result = quantized[value];
    if (result.value)
      return result;
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfterValue(value);
    auto params = ChooseQParamsOp::create(builder, value.getLoc(), granularity, value);
    auto type = RankedTensorType::get(cast<RankedTensorType>(value.getType()).getShape(), dynamicType(&getContext()));
    auto bytes = QuantizeOp::create(builder, value.getLoc(), type, value, params, /*is_signed=*/false);
    return result = {bytes, params};
  }

  llvm::DenseMap<Value, Quantized> quantized;
};

} // namespace
} // namespace vitya
