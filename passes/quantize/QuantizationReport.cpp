// Reads types and attributes; nothing is computed that the IR does not say.
#include "passes/quantize/QuantizationReport.h"
#include "passes/quantize/QuantizedLayers.h"

using namespace mlir;
namespace json = llvm::json;

namespace vitya {
namespace {

/// The relative noise of a quantized weight; nothing if the f32 weight is not known.
std::optional<double> noiseOfWeight(Value weight) {
  Operation *cast = weight.getDefiningOp();
  auto noise = cast ? cast->getAttrOfType<FloatAttr>(kNoiseAttrName) : FloatAttr();
  return noise ? std::optional(noise.getValueAsDouble()) : std::nullopt;
}

/// In decibels, null without noise.
json::Value ratioOf(double relativeNoise) {
  std::optional<double> ratio = numerics::signalToNoise(relativeNoise);
  return ratio ? json::Value(*ratio) : json::Value(nullptr);
}

/// The operand of quantized type `type`, which calibration saw as `range` if that is not null.
json::Object operandOf(Type type, ObservedRangeAttr range) {
  json::Object result;
  Type element = getElementTypeOrSelf(type);
  if (auto uniform = dyn_cast<quant::UniformQuantizedType>(element)) {
    result["scale"] = uniform.getScale();
    result["zero_point"] = uniform.getZeroPoint();
  }
  if (!range)
    return result;
  result["observer"] = range.getObserver();
  result["min"] = range.getMin().convertToDouble();
  result["max"] = range.getMax().convertToDouble();
  result["clipped"] = range.getClipped().convertToDouble();
  result["signal_to_noise"] = ratioOf(range.getNoise().convertToDouble());
  return result;
}

/// What calibration saw of operand `index` of `op`, once quantization took one range; else null.
ObservedRangeAttr rangeOf(Operation *op, size_t index) {
  auto operands = op->getAttrOfType<ArrayAttr>(kRangesAttrName);
  if (!operands)
    return {};
  auto ranges = cast<ArrayAttr>(operands[index]);
  return ranges.size() == 1 ? cast<ObservedRangeAttr>(ranges[0]) : ObservedRangeAttr();
}

json::Object describe(LinearOp op) {
  LinearInfoAttr info = infoOf(op);
  json::Object result{{"name", op.getLayer()},
                      {"layer", info.getName()},
                      {"format", op.isQuantized() ? (op.getParams() ? "u8 x s8 dynamic" : "u8 x s8 static") : "f32"},
                      {"reason", info.getReason()}};
  if (!op.isQuantized())
    return result;
  json::Object input = operandOf(op.getInput().getType(), rangeOf(op, 0));
  if (op.getParams())
    if (auto params = op.getParams().getDefiningOp<ChooseQParamsOp>())
      input["granularity"] = stringifyGranularity(params.getGranularity());
  result["input"] = std::move(input);
  Type weight = op.getWeight().getType().getElementType();
  json::Array scales;
  if (auto uniform = dyn_cast<quant::UniformQuantizedType>(weight))
    scales.push_back(uniform.getScale());
  if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(weight))
    for (double scale : perAxis.getScales())
      scales.push_back(scale);
  result["weight_scales"] = std::move(scales);
  if (std::optional<double> noise = noiseOfWeight(op.getWeight()))
    result["weight_signal_to_noise"] = ratioOf(*noise);
  return result;
}

json::Object describe(AttentionOp op) {
  auto info = op->getAttrOfType<AttentionInfoAttr>(kAttentionInfoAttrName);
  json::Object result{{"name", op.getLayer()},
                      {"format", op.isQuantized() ? "u8 x s8 static" : "f32"},
                      {"reason", info ? info.getReason() : StringRef(kUntouched)}};
  if (!op.isQuantized())
    return result;
  result["query"] = operandOf(op.getQuery().getType(), rangeOf(op, 0));
  result["key"] = operandOf(op.getKey().getType(), rangeOf(op, 1));
  result["value"] = operandOf(op.getValue().getType(), rangeOf(op, 2));
  result["weights"] = operandOf(*op.getWeights(), {});
  return result;
}

} // namespace

json::Object quantizationReport(ModuleOp module) {
  json::Array linears, attentions;
  module.walk([&](Operation *each) {
    if (auto op = dyn_cast<LinearOp>(each))
      linears.push_back(describe(op));
    if (auto op = dyn_cast<AttentionOp>(each))
      attentions.push_back(describe(op));
  });
  // vitya-describe-model has counted.
  auto countOf = [&](StringRef name) {
    auto count = module->getAttrOfType<IntegerAttr>(name);
    return count ? double(count.getInt()) : 0.0;
  };
  double all = countOf(kMultiplyAddsAttrName), integers = countOf(kIntegerMultiplyAddsAttrName);
  return json::Object{{"int8_share", all > 0 ? integers / all : 0.0},
                      {"linears", std::move(linears)},
                      {"attentions", std::move(attentions)}};
}

} // namespace vitya
