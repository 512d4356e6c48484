// One function for each kind of step. Steps are checked together where they are used, in frontend/import.
#include "frontend/layout/StepJson.h"
#include "frontend/layout/JsonErrors.h"
#include "frontend/layout/Settings.h"
#include "llvm/ADT/StringSwitch.h"

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

/// Reads one of several words. `expected` lists them.
template <typename Choice>
static bool readWord(const json::Value &value, std::optional<Choice> (*symbolize)(StringRef), Choice &choice,
                     StringLiteral expected, json::Path path) {
  std::optional<StringRef> text = value.getAsString();
  std::optional<Choice> known = text ? symbolize(*text) : std::nullopt;
  if (known)
    choice = *known;
  else
    path.report(expected);
  return known.has_value();
}

static bool fromJSON(const json::Value &value, PatchOrder &order, json::Path path) {
  return readWord<PatchOrder>(value, symbolizePatchOrder, order,
                              "expected 'channel_row_column' or 'row_column_channel'", path);
}

static bool fromJSON(const json::Value &value, Pool &pool, json::Path path) {
  return readWord<Pool>(value, symbolizePool, pool,
                        "expected 'auto', 'class', 'mean', 'distillation', 'class_and_mean' or 'sequence'", path);
}

static bool fromJSON(const json::Value &value, Interpolation &interpolation, json::Path path) {
  auto symbolize = [](StringRef name) {
    return StringSwitch<std::optional<Interpolation>>(name)
        .Case("bicubic", Interpolation::bicubic)
        .Case("bicubic_antialias", Interpolation::bicubicAntialias)
        .Case("bicubic_align_corners", Interpolation::bicubicAlignCorners)
        .Default(std::nullopt);
  };
  return readWord<Interpolation>(value, symbolize, interpolation,
                                 "expected 'bicubic', 'bicubic_antialias' or 'bicubic_align_corners'", path);
}

static bool fromJSON(const json::Value &value, SinusoidalForm &form, json::Path path) {
  auto symbolize = [](StringRef name) {
    return StringSwitch<std::optional<SinusoidalForm>>(name)
        .Case("simple_vit", SinusoidalForm::simpleVit)
        .Case("mae", SinusoidalForm::mae)
        .Case("transformer", SinusoidalForm::transformer)
        .Default(std::nullopt);
  };
  return readWord<SinusoidalForm>(value, symbolize, form, "expected 'simple_vit', 'mae' or 'transformer'", path);
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

/// Reports what only linear layers have.
static bool checkNorm(const Layer &layer, json::Path path) {
  if (!layer.scale && !layer.isTransposed)
    return true;
  path.report("expected a norm without 'scale' and 'transposed'");
  return false;
}

static bool fromJSON(const json::Value &value, NormStep &step, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && checkKeys(value, {"norm"}, "expected the key 'norm' only", path) && map.map("norm", step.layer) &&
         checkNorm(step.layer, path.field("norm"));
}

static bool fromJSON(const json::Value &value, AttentionStep &step, json::Path path) {
  json::ObjectMapper map(value, path);
  TensorName name;
  if (!map ||
      !checkKeys(value, {"attention", "qkv", "query", "key", "value", "query_norm", "key_norm", "out"},
                 "expected one of the keys 'attention', 'qkv', 'query', 'key', 'value', 'query_norm', 'key_norm', "
                 "'out'",
                 path) ||
      !map.map("attention", name) || !map.map("query_norm", step.queryNorm) || !map.map("key_norm", step.keyNorm) ||
      (step.queryNorm && !checkNorm(*step.queryNorm, path.field("query_norm"))) ||
      (step.keyNorm && !checkNorm(*step.keyNorm, path.field("key_norm"))))
    return false;
  step.name = name.name;
  const struct {
    StringLiteral key;
    std::optional<Layer> *layer;
  } layers[] = {
      {"qkv", &step.fused}, {"query", &step.query}, {"key", &step.key}, {"value", &step.value}, {"out", &step.out}};
  for (auto [key, layer] : layers) {
    if (!map.map(key, *layer))
      return false;
    if (layer != &step.out && *layer && (*layer)->weight.optional) {
      path.field(key).report("expected a layer that is not optional");
      return false;
    }
  }
  bool areSeparate = step.query && step.key && step.value, isAnySeparate = step.query || step.key || step.value;
  if (!step.out || (step.fused ? isAnySeparate : !areSeparate)) {
    path.report("expected attention with 'out' and either 'qkv' or all of 'query', 'key' and 'value'");
    return false;
  }
  return true;
}

static bool fromJSON(const json::Value &value, ResidualStep &step, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && checkKeys(value, {"residual"}, "expected the key 'residual' only", path) &&
         map.map("residual", step.steps);
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
  return map.map("steps", step.steps);
}

static bool fromJSON(const json::Value &value, AverageStep &step, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && checkKeys(value, {"average"}, "expected the key 'average' only", path) &&
         map.map("average", step.branches);
}

static bool fromJSON(const json::Value &value, ProductStep &step, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && checkKeys(value, {"product"}, "expected the key 'product' only", path) &&
         map.map("product", step.branches);
}

static bool fromJSON(const json::Value &value, IfStep &step, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && checkKeys(value, {"if", "then", "else"}, "expected one of the keys 'if', 'then', 'else'", path) &&
         map.map("if", step.prefix) && map.map("then", step.then) && map.mapOptional("else", step.otherwise);
}

static bool fromJSON(const json::Value &value, TokensStep &step, json::Path path) {
  if (!checkKeys(value, {"tokens"}, "expected the key 'tokens' only", path))
    return false;
  const json::Value &tokens = *value.getAsObject()->get("tokens");
  json::Path inner = path.field("tokens");
  json::ObjectMapper map(tokens, inner);
  if (!map ||
      !checkKeys(tokens, {"class", "distillation", "registers", "position", "sinusoidal", "interpolate"},
                 "expected one of the keys 'class', 'distillation', 'registers', 'position', 'sinusoidal', "
                 "'interpolate'",
                 inner) ||
      !map.map("class", step.classToken) || !map.map("distillation", step.distillation) ||
      !map.map("registers", step.registers) || !map.map("position", step.position) ||
      !map.map("sinusoidal", step.sinusoidal) || !map.map("interpolate", step.interpolation))
    return false;
  if (step.position || (!step.sinusoidal && !step.interpolation))
    return true;
  inner.report("expected a name under 'position'");
  return false;
}

/// Reads which tokens a mean includes.
static bool readMeanOf(const json::Value &value, bool &isOfAll, json::Path path) {
  const json::Value *found = value.getAsObject()->get("mean_of");
  std::optional<StringRef> text = found ? found->getAsString() : "patches";
  isOfAll = text == StringRef("all");
  if (isOfAll || text == StringRef("patches"))
    return true;
  path.field("mean_of").report("expected 'patches' or 'all'");
  return false;
}

static bool fromJSON(const json::Value &value, PoolStep &step, json::Path path) {
  json::ObjectMapper map(value, path);
  if (!map ||
      !checkKeys(value, {"pool", "mean_if", "mean_of", "weights"},
                 "expected one of the keys 'pool', 'mean_if', 'mean_of', 'weights'", path) ||
      !map.map("pool", step.pool) || !map.mapOptional("mean_if", step.meanIf) ||
      !readMeanOf(value, step.isOfAll, path) || !map.map("weights", step.weights))
    return false;
  if (step.weights.has_value() == (step.pool == Pool::sequence) && !(step.weights && step.weights->weight.optional))
    return true;
  path.report("expected a layer that is not optional under 'weights' if the pool is 'sequence', and only then");
  return false;
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
    {"linear", readStep<LinearStep>},
    {"norm", readStep<NormStep>},
    {"attention", readStep<AttentionStep>},
    {"residual", readStep<ResidualStep>},
    {"patchify", readStep<PatchifyStep>},
    {"tokens", readStep<TokensStep>},
    {"pool", readStep<PoolStep>},
    {"repeat", readStep<RepeatStep>},
    {"average", readStep<AverageStep>},
    {"product", readStep<ProductStep>},
    {"if", readStep<IfStep>},
};

bool fromJSON(const json::Value &value, Step &step, json::Path path) {
  std::optional<Activation> activation = StringSwitch<std::optional<Activation>>(value.getAsString().value_or(""))
                                             .Case("gelu", Activation::gelu)
                                             .Case("relu", Activation::relu)
                                             .Case("silu", Activation::silu)
                                             .Case("swiglu", Activation::swiglu)
                                             .Default(std::nullopt);
  if (activation) {
    step.step = ActivationStep{*activation};
    return true;
  }
  if (const json::Object *object = value.getAsObject())
    for (const StepReader &reader : kStepReaders)
      if (object->get(reader.key))
        return reader.read(value, step, path);
  path.report("expected a step: \"gelu\", \"relu\", \"silu\", \"swiglu\" or an object with key 'patchify', 'tokens', "
              "'linear', 'norm', 'attention', "
              "'residual', 'repeat', 'pool', 'average', 'product' or 'if'");
  return false;
}

} // namespace vitya
