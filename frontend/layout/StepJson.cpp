// One function for each kind of step. Steps are checked together where they are used, in frontend/import.
#include "frontend/layout/StepJson.h"
#include "frontend/layout/JsonErrors.h"
#include "frontend/layout/LayerJson.h"
#include "frontend/layout/Settings.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;

namespace vitya {

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
                              "expected 'channel_row_column', 'channel_column_row', 'row_channel_column', "
                              "'row_column_channel', 'column_channel_row' or 'column_row_channel'",
                              path);
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

static bool fromJSON(const json::Value &value, RotaryForm &form, json::Path path) {
  auto symbolize = [](StringRef name) { return name == "dinov3" ? std::optional(RotaryForm::dinov3) : std::nullopt; };
  return readWord<RotaryForm>(value, symbolize, form, "expected 'dinov3'", path);
}

/// Reads the sizes under `key`, one number for both or [height, width], if there are any.
static bool readSizes(const json::Value &value, StringLiteral key, int64_t least, std::optional<Sizes> &sizes,
                      json::Path path) {
  const json::Value *found = value.getAsObject()->get(key);
  if (!found)
    return true;
  SmallVector<int64_t, 2> read;
  auto add = [&](const json::Value &each) {
    if (std::optional<int64_t> size = each.getAsInteger(); size && *size >= least && *size <= INT32_MAX)
      read.push_back(*size);
  };
  if (const json::Array *list = found->getAsArray())
    llvm::for_each(*list, add);
  else
    for (int copies = 0; copies < 2; ++copies)
      add(*found);
  if (read.size() != 2 || (found->getAsArray() && found->getAsArray()->size() != 2)) {
    if (least > 0)
      path.field(key).report("expected a positive size, or [height, width]");
    else
      path.field(key).report("expected a size that is not negative, or [height, width]");
    return false;
  }
  sizes = {read[0], read[1]};
  return true;
}

static bool fromJSON(const json::Value &value, PatchifyStep &step, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && checkKeys(value, {"patchify"}, "expected the key 'patchify' only", path) &&
         map.map("patchify", step.order);
}

/// Reads stride and padding, which `step` has the defaults of.
static bool readWindow(const json::Value &value, WindowStep &step, json::Path path) {
  std::optional<Sizes> stride, padding;
  if (!readSizes(value, "stride", /*least=*/1, stride, path) ||
      !readSizes(value, "padding", /*least=*/0, padding, path))
    return false;
  step.stride = stride.value_or(step.stride);
  step.padding = padding.value_or(Sizes{0, 0});
  return true;
}

static bool readWindow(const json::Value &value, ConvolutionWindow &window, json::Path path) {
  window.stride = {1, 1};
  return readSizes(value, "kernel", /*least=*/1, window.kernel, path) &&
         readWindow(value, static_cast<WindowStep &>(window), path);
}

/// The window of a kernel of another size.
static bool fromJSON(const json::Value &value, ConvolutionWindow &window, json::Path path) {
  json::ObjectMapper map(value, path);
  if (!map || !checkKeys(value, {"kernel", "stride", "padding"},
                         "expected one of the keys 'kernel', 'stride', 'padding'", path))
    return false;
  if (!value.getAsObject()->get("kernel")) {
    path.report("expected a window with 'kernel'");
    return false;
  }
  return readWindow(value, window, path);
}

static bool fromJSON(const json::Value &value, ConvolutionStep &step, json::Path path) {
  json::ObjectMapper map(value, path);
  std::optional<std::string> norm;
  BatchNorm batchNorm;
  if (!map ||
      !checkKeys(value, {"convolution", "kernel", "stride", "padding", "or", "batch_norm", "eps"},
                 "expected one of the keys 'convolution', 'kernel', 'stride', 'padding', 'or', 'batch_norm', 'eps'",
                 path) ||
      !map.map("convolution", step.layer) || !map.mapOptional("or", step.others) || !map.map("batch_norm", norm) ||
      !map.mapOptional("eps", batchNorm.eps))
    return false;
  if (!step.others.empty() && !value.getAsObject()->get("kernel")) {
    path.report("expected 'kernel' beside 'or', which has the windows of kernels of other sizes");
    return false;
  }
  if (step.layer.scale || step.layer.isTransposed || step.layer.weight.optional) {
    path.field("convolution").report("expected a layer that is not optional, without 'scale' and 'transposed'");
    return false;
  }
  if (value.getAsObject()->get("eps") && (!norm || !(batchNorm.eps >= 0))) {
    path.field("eps").report("expected eps of 'batch_norm', which is not negative");
    return false;
  }
  if (norm) {
    batchNorm.weight = {*norm + ".weight", /*optional=*/true};
    batchNorm.bias = {*norm + ".bias", /*optional=*/true};
    batchNorm.mean.name = *norm + ".running_mean";
    batchNorm.variance.name = *norm + ".running_var";
    step.norm = std::move(batchNorm);
  }
  return readWindow(value, static_cast<ConvolutionWindow &>(step), path);
}

static bool fromJSON(const json::Value &value, MaxPoolStep &step, json::Path path) {
  if (!checkKeys(value, {"max_pool", "stride", "padding"}, "expected one of the keys 'max_pool', 'stride', 'padding'",
                 path))
    return false;
  std::optional<Sizes> window;
  if (!readSizes(value, "max_pool", /*least=*/1, window, path))
    return false;
  step.window = step.stride = *window;
  return readWindow(value, static_cast<WindowStep &>(step), path);
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
      !checkKeys(
          value,
          {"attention", "latent", "qkv", "query", "key", "value", "key_value", "query_norm", "key_norm", "rotary",
           "out"},
          "expected one of the keys 'attention', 'latent', 'qkv', 'query', 'key', 'value', 'key_value', 'query_norm', "
          "'key_norm', 'rotary', 'out'",
          path) ||
      !map.map("attention", name) || !map.map("latent", step.latent) || !map.map("query_norm", step.queryNorm) ||
      !map.map("key_norm", step.keyNorm) || !map.map("rotary", step.rotary) ||
      (step.queryNorm && !checkNorm(*step.queryNorm, path.field("query_norm"))) ||
      (step.keyNorm && !checkNorm(*step.keyNorm, path.field("key_norm"))))
    return false;
  step.name = name.name;
  const struct {
    StringLiteral key;
    std::optional<Layer> *layer;
  } layers[] = {{"qkv", &step.fused},   {"query", &step.query},        {"key", &step.key},
                {"value", &step.value}, {"key_value", &step.keyValue}, {"out", &step.out}};
  for (auto [key, layer] : layers) {
    if (!map.map(key, *layer))
      return false;
    if (layer != &step.out && *layer && (*layer)->weight.optional) {
      path.field(key).report("expected a layer that is not optional");
      return false;
    }
  }
  bool isAny = step.query || step.key || step.value || step.keyValue,
       areAll = step.query && (step.keyValue ? !step.key && !step.value : step.key && step.value);
  if (!step.out || (step.fused ? isAny : !areAll)) {
    path.report("expected attention with 'out' and either 'qkv', or 'query', 'key' and 'value', or 'query' and "
                "'key_value'");
    return false;
  }
  if (step.latent && step.rotary) {
    path.field("rotary").report("expected attention without 'latent', which has no position");
    return false;
  }
  if (step.latent && step.latent->optional) {
    path.field("latent").report("expected a tensor that is not optional");
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
    {"convolution", readStep<ConvolutionStep>},
    {"max_pool", readStep<MaxPoolStep>},
};

bool fromJSON(const json::Value &value, Step &step, json::Path path) {
  StringRef name = value.getAsString().value_or("");
  std::optional<Activation> activation = symbolizeActivation(name);
  if (activation || name == "activation") {
    step.step = ActivationStep{activation};
    return true;
  }
  if (const json::Object *object = value.getAsObject())
    for (const StepReader &reader : kStepReaders)
      if (object->get(reader.key))
        return reader.read(value, step, path);
  path.report("expected a step: \"gelu\", \"relu\", \"silu\", \"swiglu\", \"activation\" or an object with key "
              "'patchify', 'tokens', "
              "'linear', 'norm', 'attention', "
              "'residual', 'repeat', 'pool', 'average', 'product', 'if', 'convolution' or 'max_pool'");
  return false;
}

} // namespace vitya
