// Converts the record from JSON and back.
#include "frontend/import/CompressionRecord.h"
#include "dialect/support/Errors.h"
#include <cmath>

using namespace llvm;

namespace vitya {
namespace {

constexpr StringLiteral kAttentions = "attentions", kLinears = "linears";

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

std::optional<int64_t> positive(const json::Object &object, StringRef key) {
  std::optional<int64_t> value = object.getInteger(key);
  return value && *value > 0 ? value : std::nullopt;
}

} // namespace

Expected<CompressionRecord> CompressionRecord::take(mlir::MLIRContext &context, json::Object &settings) {
  CompressionRecord record;
  Expected<json::Object> attentions = takeObject(settings, kAttentions);
  if (!attentions)
    return attentions.takeError();
  for (const auto &[name, value] : *attentions) {
    const json::Object *object = value.getAsObject();
    std::optional<double> scale = object ? object->getNumber("scale") : std::nullopt;
    std::optional<int64_t> width = object ? positive(*object, "value_width") : std::nullopt;
    if (!scale || !std::isfinite(*scale) || !width)
      return makeError(
          "expected a finite 'scale' and a positive 'value_width' of attention '{0}' in the file's 'vitya' "
          "entry, found {1}",
          name.str(), value);
    record.attentions[name] = {*scale, *width};
  }
  Expected<json::Object> linears = takeObject(settings, kLinears);
  if (!linears)
    return linears.takeError();
  for (const auto &[name, value] : *linears) {
    const json::Object *object = value.getAsObject();
    std::optional<int64_t> in = object ? positive(*object, "in") : std::nullopt,
                           out = object ? positive(*object, "out") : std::nullopt,
                           rank = object ? positive(*object, "rank") : std::nullopt;
    std::optional<StringRef> reason = object ? object->getString("reason") : std::nullopt;
    if (!in || !out || !reason || (object->get("rank") && !rank))
      return makeError("expected positive 'in', 'out' and perhaps 'rank', and a 'reason' of layer '{0}' in the file's "
                       "'vitya' entry, found {1}",
                       name.str(), value);
    record.linears[name] = LinearInfoAttr::get(&context, name.str(), *in, *out, LayerFormat::f32(), *reason, rank);
  }
  return record;
}

json::Object CompressionRecord::toJson() const {
  json::Object attentionsJson, linearsJson, result;
  for (const auto &entry : attentions)
    attentionsJson[entry.getKey()] =
        json::Object{{"scale", entry.getValue().scale}, {"value_width", entry.getValue().valueWidth}};
  for (const auto &entry : linears) {
    LinearInfoAttr info = entry.getValue();
    json::Object object{{"in", info.getIn()}, {"out", info.getOut()}, {"reason", info.getReason()}};
    if (info.getRank())
      object["rank"] = *info.getRank();
    linearsJson[entry.getKey()] = std::move(object);
  }
  if (!attentionsJson.empty())
    result[kAttentions] = std::move(attentionsJson);
  if (!linearsJson.empty())
    result[kLinears] = std::move(linearsJson);
  return result;
}

} // namespace vitya
