// The mapping from JSON to layouts: one function for each kind of step. Steps are checked together where they are used,
// in frontend/import.
#include "dialect/support/Errors.h"
#include "frontend/layout/JsonErrors.h"
#include "frontend/layout/Layout.h"
#include "frontend/layout/Settings.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/GlobPattern.h"

using namespace llvm;

namespace vitya {

//===----------------------------------------------------------------------===//
// Tensors and layers
//===----------------------------------------------------------------------===//

/// A name; a '?' at its end means that the tensor is optional.
static bool fromJSON(const json::Value &value, TensorName &tensor, json::Path path) {
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

static bool fromJSON(const json::Value &value, Layer &layer, json::Path path);

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
      !checkKeys(value, {"name", "weight", "bias", "scale", "factors", "or"},
                 "expected one of the keys 'name', 'weight', 'bias', 'scale', 'factors', 'or'", path) ||
      !map.map("name", name))
    return false;
  setDefaultNames(name, layer);
  if (!map.mapOptional("weight", weight) || !map.mapOptional("bias", layer.bias) || !map.map("scale", layer.scale) ||
      !map.map("factors", factors) || !map.map("or", other))
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
static bool fromJSON(const json::Value &value, Layer &layer, json::Path path) {
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

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

static bool fromJSON(const json::Value &value, Step &step, json::Path path);

/// Reports a step that is allowed only at the top level.
static bool checkInnerSteps(const Steps &steps, json::Path path) {
  for (auto [index, step] : enumerate(steps))
    if (std::holds_alternative<PatchifyStep>(step.step) || std::holds_alternative<TokensStep>(step.step) ||
        std::holds_alternative<PoolStep>(step.step) || std::holds_alternative<RepeatStep>(step.step)) {
      path.index(index).report("expected a step within a block: \"gelu\" or an object with key 'linear', 'norm', "
                               "'attention' or 'residual'");
      return false;
    }
  return true;
}

static bool checkNotEmpty(const Steps &steps, json::Path path) {
  if (!steps.empty())
    return true;
  path.report("expected at least one step");
  return false;
}

/// The steps under `key` of `value`, within a block.
static bool readInnerSteps(const json::Value &value, StringLiteral key, Steps &steps, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map(key, steps) && checkInnerSteps(steps, path.field(key)) && checkNotEmpty(steps, path.field(key));
}

static bool fromJSON(const json::Value &value, PatchOrder &order, json::Path path) {
  std::optional<StringRef> text = value.getAsString();
  std::optional<PatchOrder> known = text ? symbolizePatchOrder(*text) : std::nullopt;
  if (known)
    order = *known;
  else
    path.report("expected 'channel_row_column' or 'row_column_channel'");
  return known.has_value();
}

static bool fromJSON(const json::Value &value, Pool &pool, json::Path path) {
  std::optional<StringRef> text = value.getAsString();
  std::optional<Pool> known = text ? symbolizePool(*text) : std::nullopt;
  if (known)
    pool = *known;
  else
    path.report("expected 'auto', 'class' or 'mean'");
  return known.has_value();
}

static bool fromJSON(const json::Value &value, PatchifyStep &step, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && checkKeys(value, {"patchify"}, "expected the key 'patchify' only", path) &&
         map.map("patchify", step.order);
}

static bool fromJSON(const json::Value &value, LinearStep &step, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && checkKeys(value, {"linear"}, "expected the key 'linear' only", path) && map.map("linear", step.layer);
}

static bool fromJSON(const json::Value &value, NormStep &step, json::Path path) {
  json::ObjectMapper map(value, path);
  if (!map || !checkKeys(value, {"norm"}, "expected the key 'norm' only", path) || !map.map("norm", step.layer))
    return false;
  if (!step.layer.scale)
    return true;
  path.field("norm").report("expected a norm without 'scale'");
  return false;
}

static bool fromJSON(const json::Value &value, AttentionStep &step, json::Path path) {
  json::ObjectMapper map(value, path);
  TensorName name;
  std::optional<Layer> out;
  if (!map ||
      !checkKeys(value, {"attention", "qkv", "query", "key", "value", "out"},
                 "expected one of the keys 'attention', 'qkv', 'query', 'key', 'value', 'out'", path) ||
      !map.map("attention", name))
    return false;
  step.name = name.name;
  const struct {
    StringLiteral key;
    std::optional<Layer> *layer;
  } layers[] = {
      {"qkv", &step.fused}, {"query", &step.query}, {"key", &step.key}, {"value", &step.value}, {"out", &out}};
  for (auto [key, layer] : layers) {
    if (!map.map(key, *layer))
      return false;
    if (*layer && (*layer)->weight.optional) {
      path.field(key).report("expected a layer that is not optional");
      return false;
    }
  }
  bool areSeparate = step.query && step.key && step.value, isAnySeparate = step.query || step.key || step.value;
  if (!out || (step.fused ? isAnySeparate : !areSeparate)) {
    path.report("expected attention with 'out' and either 'qkv' or all of 'query', 'key' and 'value'");
    return false;
  }
  step.out = std::move(*out);
  return true;
}

static bool fromJSON(const json::Value &value, ResidualStep &step, json::Path path) {
  return checkKeys(value, {"residual"}, "expected the key 'residual' only", path) &&
         readInnerSteps(value, "residual", step.steps, path);
}

static bool fromJSON(const json::Value &value, RepeatStep &step, json::Path path) {
  json::ObjectMapper map(value, path);
  if (!map || !checkKeys(value, {"repeat", "steps"}, "expected one of the keys 'repeat', 'steps'", path) ||
      !map.map("repeat", step.prefix))
    return false;
  if (StringRef(step.prefix).count("{i}") != 1) {
    path.field("repeat").report("expected a prefix with one '{i}'");
    return false;
  }
  return readInnerSteps(value, "steps", step.steps, path);
}

static bool fromJSON(const json::Value &value, TokensStep &step, json::Path path) {
  if (!checkKeys(value, {"tokens"}, "expected the key 'tokens' only", path))
    return false;
  const json::Value &tokens = *value.getAsObject()->get("tokens");
  json::Path inner = path.field("tokens");
  json::ObjectMapper map(tokens, inner);
  return map && checkKeys(tokens, {"class", "position"}, "expected one of the keys 'class', 'position'", inner) &&
         map.map("class", step.classToken) && map.map("position", step.position);
}

static bool fromJSON(const json::Value &value, PoolStep &step, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && checkKeys(value, {"pool", "mean_if"}, "expected one of the keys 'pool', 'mean_if'", path) &&
         map.map("pool", step.pool) && map.mapOptional("mean_if", step.meanIf);
}

template <typename Kind>
static bool readStep(const json::Value &value, Step &step, json::Path path) {
  Kind kind = {};
  if (!fromJSON(value, kind, path))
    return false;
  step.step = std::move(kind);
  return true;
}

/// The key that an object of each kind of step has.
struct StepReader {
  StringLiteral key;
  bool (*read)(const json::Value &, Step &, json::Path);
};
static constexpr StepReader kStepReaders[] = {
    {"linear", readStep<LinearStep>},     {"norm", readStep<NormStep>},         {"attention", readStep<AttentionStep>},
    {"residual", readStep<ResidualStep>}, {"patchify", readStep<PatchifyStep>}, {"tokens", readStep<TokensStep>},
    {"pool", readStep<PoolStep>},         {"repeat", readStep<RepeatStep>},
};

static bool fromJSON(const json::Value &value, Step &step, json::Path path) {
  if (value.getAsString() == StringRef("gelu")) {
    step.step = GeluStep{};
    return true;
  }
  if (const json::Object *object = value.getAsObject())
    for (const StepReader &reader : kStepReaders)
      if (object->get(reader.key))
        return reader.read(value, step, path);
  path.report("expected a step: \"gelu\" or an object with key 'patchify', 'tokens', 'linear', 'norm', 'attention', "
              "'residual', 'repeat' or 'pool'");
  return false;
}

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

/// Reports a patchify step anywhere but at the beginning, and its absence there.
static bool checkOuterSteps(const Steps &steps, json::Path path) {
  for (auto [index, step] : enumerate(steps))
    if (std::holds_alternative<PatchifyStep>(step.step) != (index == 0)) {
      if (index == 0)
        path.index(index).report("expected 'patchify' as the first step");
      else
        path.index(index).report("expected 'patchify' as the first step only");
      return false;
    }
  return checkNotEmpty(steps, path);
}

/// The optional object `key`, whose entries `Layout::parse` checks.
static bool readSettings(const json::Value &value, StringLiteral key, json::Object &settings, json::Path path) {
  const json::Value *found = value.getAsObject()->get(key);
  if (!found)
    return true;
  json::ObjectMapper map(*found, path.field(key));
  if (map)
    settings = *found->getAsObject();
  return map;
}

static bool fromJSON(const json::Value &value, Variant &variant, json::Path path) {
  json::ObjectMapper map(value, path);
  return map &&
         checkKeys(value, {"if", "defaults", "remark"}, "expected one of the keys 'if', 'defaults', 'remark'", path) &&
         map.map("if", variant.tensor) && map.mapOptional("remark", variant.remark) &&
         readSettings(value, "defaults", variant.defaults, path);
}

static bool fromJSON(const json::Value &value, Layout &layout, json::Path path) {
  json::ObjectMapper map(value, path);
  std::string description;
  if (!map ||
      !checkKeys(value, {"name", "description", "defaults", "variants", "ignore", "steps"},
                 "expected one of the keys 'name', 'description', 'defaults', 'variants', 'ignore', 'steps'", path) ||
      !map.map("name", layout.name) || !map.mapOptional("description", description) ||
      !readSettings(value, "defaults", layout.defaults, path) || !map.mapOptional("variants", layout.variants) ||
      !map.mapOptional("ignore", layout.ignore) || !map.map("steps", layout.steps))
    return false;
  return checkOuterSteps(layout.steps, path.field("steps"));
}

/// Checks settings that are the object at `path` of `file`.
static Error checkSettings(const JsonFile &file, const Twine &path, const json::Object &settings) {
  for (const auto &[key, value] : settings)
    if (Expected<Settings> single = Settings::merge(json::Object{{key.str(), value}}, {}, {}); !single)
      return prefixError(file.locate((path + "." + StringRef(key)).str()), single.takeError());
  return Error::success();
}

Expected<Layout> Layout::parse(StringRef name, StringRef text) {
  Expected<JsonFile> file = JsonFile::parse(name, text);
  if (!file)
    return file.takeError();
  Expected<Layout> layout = file->map<Layout>();
  if (!layout)
    return layout.takeError();
  if (Error error = checkSettings(*file, ".defaults", layout->defaults))
    return std::move(error);
  for (auto [index, variant] : enumerate(layout->variants))
    if (Error error = checkSettings(*file, ".variants[" + Twine(index) + "].defaults", variant.defaults))
      return std::move(error);
  for (auto [index, glob] : enumerate(layout->ignore))
    if (Expected<GlobPattern> pattern = GlobPattern::create(glob); !pattern)
      return makeError("{0}: expected a glob pattern ({1}), found \"{2}\"",
                       file->locate(formatv(".ignore[{0}]", index).str()), toString(pattern.takeError()), glob);
  return layout;
}

} // namespace vitya
