// Converts the record from JSON and back.
#include "frontend/import/CompressionRecord.h"
#include "dialect/support/Errors.h"
#include <cmath>

using namespace llvm;
using mlir::quant::QuantizedType;

namespace vitya {
namespace {

constexpr StringLiteral kAttentions = "attentions", kLinears = "linears", kQuantized = "quantized",
                        kInputFactors = "input_factors";
constexpr StringLiteral kOperands[] = {"query", "key", "value"};

/// Removes the object `key` from `settings` and returns it. A missing key is an empty object.
Expected<json::Object> takeObject(json::Object &settings, StringRef key) {
  const json::Value *value = settings.get(key);
  if (!value)
    return json::Object();
  if (!value->getAsObject())
    return makeError("expected an object as '{0}' of the file's 'vitya' entry, found {1}", key, *value);
  json::Object result = *value->getAsObject();
  settings.erase(key);
  return result;
}

Error wrongEntry(StringRef expected, const Twine &layer, const json::Value &found) {
  return makeError("expected {0} of {1} in the file's 'vitya' entry, found {2}", expected, layer.str(), found);
}

std::optional<int64_t> positive(const json::Object &object, StringRef key) {
  std::optional<int64_t> value = object.getInteger(key);
  return value && *value > 0 ? value : std::nullopt;
}

std::optional<double> finite(const json::Object &object, StringRef key) {
  std::optional<double> value = object.getNumber(key);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<LayerFormat> formatUnder(const json::Object &object, StringRef key) {
  std::optional<StringRef> text = object.getString(key);
  return text ? LayerFormat::parse(*text) : std::nullopt;
}

//===----------------------------------------------------------------------===//
// Quantized types
//===----------------------------------------------------------------------===//

json::Object toJson(const CompressionRecord::Operand &operand) {
  json::Object object{{"range", json::Array{operand.type.getStorageTypeMin(), operand.type.getStorageTypeMax()}}};
  if (auto uniform = mlir::dyn_cast<mlir::quant::UniformQuantizedType>(operand.type)) {
    object["scale"] = uniform.getScale();
    object["zero_point"] = uniform.getZeroPoint();
  }
  if (ObservedRangeAttr observed = operand.observed)
    object["observed"] = json::Object{{"observer", observed.getObserver()},
                                      {"min", observed.getMin().convertToDouble()},
                                      {"max", observed.getMax().convertToDouble()},
                                      {"clipped", observed.getClipped().convertToDouble()},
                                      {"noise", observed.getNoise().convertToDouble()}};
  return object;
}

/// Reads a range of calibration. Null if it is malformed.
ObservedRangeAttr readObserved(mlir::MLIRContext &context, const json::Value &value) {
  const json::Object *object = value.getAsObject();
  std::optional<StringRef> observer = object ? object->getString("observer") : std::nullopt;
  if (!observer)
    return {};
  auto number = [&](StringRef key) { return finite(*object, key).value_or(NAN); };
  mlir::ScopedDiagnosticHandler ignore(&context, [](mlir::Diagnostic &) { return mlir::success(); });
  return ObservedRangeAttr::getChecked([&] { return mlir::emitError(mlir::UnknownLoc::get(&context)); }, &context,
                                       *observer, APFloat(number("min")), APFloat(number("max")),
                                       APFloat(number("clipped")), APFloat(number("noise")));
}

/// Reads the type and the range of `value`, which belongs to `owner`: of 8 bits, with a scale unless it `isDynamic`.
Expected<CompressionRecord::Operand> readOperand(mlir::MLIRContext &context, const json::Value *value, bool isDynamic,
                                                 const Twine &owner) {
  constexpr StringLiteral expected = "a 'range' of [0, 255], [0, 127], [-127, 127] or [-128, 127], a 'zero_point' in "
                                     "it and a normal 'scale' and, if present, a finite 'observed' range";
  constexpr std::pair<int64_t, int64_t> ranges[] = {{0, 255}, {0, 127}, {-127, 127}, {-128, 127}};
  const json::Object *object = value ? value->getAsObject() : nullptr;
  auto fail = [&] { return wrongEntry(expected, owner, value ? *value : json::Value(nullptr)); };
  const json::Array *array = object ? object->getArray("range") : nullptr;
  if (!array || array->size() != 2)
    return fail();
  std::pair range((*array)[0].getAsInteger().value_or(0), (*array)[1].getAsInteger().value_or(0));
  if (!is_contained(ranges, range))
    return fail();
  auto [min, max] = range;
  unsigned flags = min < 0 ? mlir::quant::QuantizationFlags::Signed : 0;
  mlir::Type i8 = mlir::IntegerType::get(&context, 8), f32 = mlir::Float32Type::get(&context);
  CompressionRecord::Operand operand;
  if (isDynamic) {
    operand.type = mlir::quant::AnyQuantizedType::get(flags, i8, f32, min, max);
    return operand;
  }
  std::optional<double> scale = object->getNumber("scale");
  std::optional<int64_t> zeroPoint = object->getInteger("zero_point");
  if (!scale || !isUsableScale(*scale) || !zeroPoint || *zeroPoint < min || *zeroPoint > max)
    return fail();
  operand.type = mlir::quant::UniformQuantizedType::get(flags, i8, f32, *scale, *zeroPoint, min, max);
  if (const json::Value *observed = object->get("observed"))
    if (operand.observed = readObserved(context, *observed); !operand.observed)
      return fail();
  return operand;
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

Error readLinear(mlir::MLIRContext &context, StringRef name, const json::Value &value, CompressionRecord &record) {
  const json::Object *object = value.getAsObject();
  std::optional<int64_t> in = object ? positive(*object, "in") : std::nullopt,
                         out = object ? positive(*object, "out") : std::nullopt,
                         rank = object ? positive(*object, "rank") : std::nullopt;
  std::optional<StringRef> reason = object ? object->getString("reason") : std::nullopt;
  std::optional<LayerFormat> format = LayerFormat::f32();
  if (object && object->get("format"))
    format = formatUnder(*object, "format");
  if (!in || !out || !reason || !format || (object->get("rank") && !rank))
    return wrongEntry("positive 'in', 'out' and perhaps 'rank', a 'reason' and perhaps a 'format'",
                      "layer '" + name + "'", value);
  record.linears[name] = LinearInfoAttr::get(&context, name.str(), *in, *out, *format, *reason, rank);
  return Error::success();
}

Error readQuantized(mlir::MLIRContext &context, StringRef name, const json::Value &value, CompressionRecord &record) {
  const json::Object *object = value.getAsObject();
  std::optional<bool> hasBias = object ? object->getBoolean("bias") : std::nullopt;
  std::optional<double> noise = object ? finite(*object, "noise") : std::nullopt;
  if (!hasBias || (object->get("noise") && (!noise || *noise < 0)))
    return wrongEntry("a boolean 'bias', an 'input' and perhaps a 'noise' of at least 0",
                      "quantized layer '" + name + "'", value);
  CompressionRecord::Linear linear{{}, Granularity::token, 0, noise, *hasBias};
  const json::Object *input = object->getObject("input");
  bool isDynamic = input && input->get("granularity");
  if (isDynamic) {
    std::optional<Granularity> granularity = symbolizeGranularity(input->getString("granularity").value_or(""));
    std::optional<int64_t> levels = positive(*input, "levels");
    if (!granularity || !levels || *levels > 255)
      return wrongEntry("a 'granularity' of token or tensor and 'levels' from 1 to 255",
                        "the input of layer '" + name + "'", *object->get("input"));
    linear.granularity = *granularity;
    linear.levels = *levels;
  }
  auto operand = readOperand(context, object->get("input"), isDynamic, "the input of layer '" + name + "'");
  if (!operand)
    return operand.takeError();
  linear.input = *operand;
  record.quantized[name] = linear;
  return Error::success();
}

Error readInputFactors(mlir::MLIRContext &, StringRef name, const json::Value &value, CompressionRecord &record) {
  auto fail = [&] {
    return wrongEntry("a list of finite f32 numbers", "the input factors of layer '" + name + "'", value);
  };
  const json::Array *array = value.getAsArray();
  if (!array)
    return fail();
  std::vector<float> &factors = record.inputFactors[name];
  for (const json::Value &each : *array) {
    factors.push_back(static_cast<float>(each.getAsNumber().value_or(NAN)));
    if (!std::isfinite(factors.back()))
      return fail();
  }
  return Error::success();
}

Error readAttention(mlir::MLIRContext &context, StringRef name, const json::Value &value, CompressionRecord &record) {
  CompressionRecord::Attention &attention = record.attentions[name];
  const json::Object *object = value.getAsObject();
  if (!object)
    return wrongEntry("an object", "attention '" + name + "'", value);
  if (object->get("scale") || object->get("value_width")) {
    std::optional<double> scale = finite(*object, "scale");
    std::optional<int64_t> width = positive(*object, "value_width");
    if (!scale || !width)
      return wrongEntry("a finite 'scale' and a positive 'value_width'", "attention '" + name + "'", value);
    attention.narrowed = {*scale, *width};
  }
  if (object->get("queries") && !(attention.queries = positive(*object, "queries")))
    return wrongEntry("a positive number of 'queries'", "attention '" + name + "'", value);
  if (const json::Value *first = object->get("first_query")) {
    std::optional<int64_t> row = first->getAsInteger();
    if (!attention.queries || !row || *row < 0 || *row > std::numeric_limits<int32_t>::max())
      return wrongEntry("'first_query' that is not negative, beside 'queries'", "attention '" + name + "'", value);
    attention.firstQuery = *row;
  }
  if (object->get("format")) {
    attention.format = formatUnder(*object, "format");
    attention.reason = object->getString("reason").value_or("").str();
    if (!attention.format || !object->getString("reason"))
      return wrongEntry("a 'format' and a 'reason'", "attention '" + name + "'", value);
  }
  if (!object->get("weights"))
    return Error::success();
  auto weights =
      readOperand(context, object->get("weights"), /*isDynamic=*/false, "the weights of attention '" + name + "'");
  if (!weights)
    return weights.takeError();
  attention.weights = weights->type;
  for (StringRef key : kOperands) {
    auto operand =
        readOperand(context, object->get(key), /*isDynamic=*/false, "the " + key + " of attention '" + name + "'");
    if (!operand)
      return operand.takeError();
    attention.inputs.push_back(*operand);
  }
  return Error::success();
}

json::Object toJson(const CompressionRecord::Linear &linear) {
  json::Object input = toJson(linear.input), object{{"bias", linear.hasBias}};
  if (mlir::isa<mlir::quant::AnyQuantizedType>(linear.input.type)) {
    input["granularity"] = stringifyGranularity(linear.granularity);
    input["levels"] = linear.levels;
  }
  object["input"] = std::move(input);
  if (linear.noise)
    object["noise"] = *linear.noise;
  return object;
}

json::Array toJson(const std::vector<float> &factors) {
  return json::Array(map_range(factors, [](float factor) { return json::Value(double(factor)); }));
}

json::Object toJson(LinearInfoAttr info) {
  json::Object object{{"in", info.getIn()}, {"out", info.getOut()}, {"reason", info.getReason()}};
  if (!info.getFormat().isF32())
    object["format"] = info.getFormat().str();
  if (info.getRank())
    object["rank"] = *info.getRank();
  return object;
}

json::Object toJson(const CompressionRecord::Attention &attention) {
  json::Object object;
  if (attention.narrowed) {
    object["scale"] = attention.narrowed->scale;
    object["value_width"] = attention.narrowed->valueWidth;
  }
  if (attention.queries)
    object["queries"] = *attention.queries;
  if (attention.firstQuery != 0)
    object["first_query"] = attention.firstQuery;
  if (attention.format) {
    object["format"] = attention.format->str();
    object["reason"] = attention.reason;
  }
  if (attention.weights)
    object["weights"] = toJson(CompressionRecord::Operand{attention.weights, {}});
  for (auto [key, operand] : llvm::zip(kOperands, attention.inputs))
    object[key] = toJson(operand);
  return object;
}

} // namespace

Expected<CompressionRecord> CompressionRecord::take(mlir::MLIRContext &context, json::Object &settings) {
  CompressionRecord record;
  for (auto [key, read] : {std::pair(kAttentions, &readAttention), std::pair(kLinears, &readLinear),
                           std::pair(kQuantized, &readQuantized), std::pair(kInputFactors, &readInputFactors)}) {
    Expected<json::Object> entries = takeObject(settings, key);
    if (!entries)
      return entries.takeError();
    for (const auto &[name, value] : *entries)
      if (Error error = read(context, name, value, record))
        return std::move(error);
  }
  return record;
}

json::Object CompressionRecord::toJson() const {
  json::Object result;
  auto add = [&](StringRef key, const auto &entries) {
    json::Object object;
    for (const auto &entry : entries)
      object[entry.getKey()] = vitya::toJson(entry.getValue());
    if (!object.empty())
      result[key] = std::move(object);
  };
  add(kAttentions, attentions);
  add(kLinears, linears);
  add(kQuantized, quantized);
  add(kInputFactors, inputFactors);
  return result;
}

} // namespace vitya
