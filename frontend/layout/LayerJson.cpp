#include "frontend/layout/LayerJson.h"
#include "frontend/layout/JsonErrors.h"

using namespace llvm;

namespace vitya {

/// A name; a '?' at its end means that the tensor is optional.
bool fromJSON(const json::Value &value, TensorName &tensor, json::Path path) {
  std::string text;
  if (!json::fromJSON(value, text, path))
    return false;
  StringRef name = text;
  tensor.optional = name.consume_back("?");
  tensor.name = name.str();
  if (!name.empty())
    return true;
  path.report("expected a name");
  return false;
}

/// {"left": "sa.U_q", "right": "sa.V_qT", "bias": "sa.bias_q"}
static bool fromJSON(const json::Value &value, FactorNames &factors, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && checkKeys(value, {"left", "right", "bias"}, "expected one of the keys 'left', 'right', 'bias'", path) &&
         map.map("left", factors.left) && map.map("right", factors.right) && map.map("bias", factors.bias);
}

/// Sets the names that a layer called `name` has by default.
static void setDefaultNames(const TensorName &name, Layer &layer) {
  layer.name = name.name;
  layer.weight.name = name.name + ".weight";
  layer.weight.optional = name.optional;
  layer.bias.emplace();
  layer.bias->name = name.name + ".bias";
}

/// The names of factors in checkpoints that this compiler writes.
static FactorNames exportedFactors(const std::string &layer) {
  FactorNames factors;
  factors.left = layer + ".left.weight";
  factors.right = layer + ".right.weight";
  factors.bias = layer + ".left.bias";
  return factors;
}

static bool readLayerObject(const json::Value &value, Layer &layer, json::Path path) {
  json::ObjectMapper map(value, path);
  TensorName name, weight;
  std::optional<FactorNames> factors;
  std::optional<Layer> other;
  if (!map ||
      !checkKeys(value, {"name", "weight", "transposed", "bias", "scale", "factors", "or"},
                 "expected one of the keys 'name', 'weight', 'transposed', 'bias', 'scale', 'factors', 'or'", path) ||
      !map.map("name", name))
    return false;
  setDefaultNames(name, layer);
  if (!map.mapOptional("weight", weight) || !map.mapOptional("transposed", layer.isTransposed) ||
      !map.mapOptional("bias", layer.bias) || !map.map("scale", layer.scale) || !map.map("factors", factors) ||
      !map.map("or", other))
    return false;
  if (!weight.name.empty()) {
    layer.weight.name = weight.name;
    layer.weight.optional |= weight.optional;
  }
  if (factors)
    layer.factors.push_back(std::move(*factors));
  if (other)
    layer.others.push_back(std::move(*other));
  return true;
}

/// "norm1", or {"name": "attn.qkv", "weight": "attn.qkv.weight", "bias": "attn.qkv.bias?"}. Weight and bias have
/// default names unless they are given, and a null bias means that there is none. A layer has a scale only if one is
/// given.
bool fromJSON(const json::Value &value, Layer &layer, json::Path path) {
  if (value.getAsObject()) {
    if (!readLayerObject(value, layer, path))
      return false;
  } else {
    TensorName name;
    if (!fromJSON(value, name, path))
      return false;
    setDefaultNames(name, layer);
  }
  layer.factors.push_back(exportedFactors(layer.name));
  return true;
}

} // namespace vitya
