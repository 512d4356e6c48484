// Reads the keys of Transformers and of timm. Sizes that tensors tell too are kept as claims, which are compared with
// the tensors when the layout is known.
#include "frontend/import/ModelConfig.h"
#include "dialect/support/Errors.h"
#include "frontend/checkpoint/Tensor.h"
#include "frontend/import/ConfigJson.h"
#include "frontend/import/PictureConfig.h"
#include "frontend/import/PositionEmbedding.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

namespace vitya {

/// Reads config.json.
class ConfigReader {
public:
  ConfigReader(const ConfigJson &json, ModelConfig &result, PictureConfig &pictures)
      : json(json), result(result), pictures(pictures) {}

  Error read() {
    std::optional<StringRef> architecture;
    if (Error error = json.read(".architecture", architecture))
      return error;
    return architecture ? readTimm(*architecture) : readTransformers();
  }

private:
  using Size = ModelConfig::Size;

  void claim(Size size, ImageSize value, StringRef path) {
    result.claims.push_back({size, value.height, value.width, json.locate(path)});
  }

  /// Claims a size that is one number, if the file has it.
  Error readClaim(Size size, const Twine &path) {
    std::optional<int64_t> number;
    if (Error error = json.read(path.str(), number))
      return error;
    if (number)
      claim(size, {*number, *number}, path.str());
    return Error::success();
  }

  /// Claims a height and a width, and returns them if the file has them.
  Expected<std::optional<ImageSize>> readImageClaim(Size size, const Twine &path) {
    std::optional<ImageSize> value;
    if (Error error = json.read(path.str(), value))
      return std::move(error);
    if (value)
      claim(size, *value, path.str());
    return value;
  }

  Error readHeads(const Twine &path) {
    std::optional<int64_t> heads;
    if (Error error = json.read(path.str(), heads))
      return error;
    if (heads)
      result.settings["heads"] = *heads;
    return Error::success();
  }

  /// The activation of the feed-forward layers, under the names of Transformers and of timm.
  Error readActivation(const Twine &path) {
    std::optional<StringRef> name;
    if (Error error = json.read(path.str(), name))
      return error;
    if (!name)
      return Error::success();
    if (std::optional<StringRef> other = StringSwitch<std::optional<StringRef>>(*name)
                                             .Case("relu", "relu")
                                             .Cases({"silu", "swish"}, "silu")
                                             .Default(std::nullopt)) {
      result.settings["activation"] = *other;
      return Error::success();
    }
    StringRef form = StringSwitch<StringRef>(*name)
                         .Cases({"gelu", "gelu_python"}, "erf")
                         .Cases({"gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_tanh"}, "tanh")
                         .Case("quick_gelu", "quick")
                         .Default("");
    if (form.empty())
      return json.error(path.str(), "a form of GELU ('gelu', 'gelu_new', 'gelu_fast', 'gelu_pytorch_tanh', "
                                    "'quick_gelu'), 'relu', 'silu' or 'swish'");
    result.settings["activation"] = "gelu";
    result.settings["gelu"] = form;
    return Error::success();
  }

  /// The names of the classes, {"0": "cat", "1": "dog"}.
  Error readLabels(StringRef path) {
    const json::Value *value = json.find(path);
    if (!value)
      return Error::success();
    const json::Object *object = value->getAsObject();
    json::Array names;
    for (size_t index = 0; object && index < object->size(); ++index) {
      const json::Value *name = object->get(std::to_string(index));
      if (!name || !name->getAsString())
        break;
      names.push_back(*name);
    }
    if (!object || names.size() != object->size() || names.empty())
      return json.error(path, "an object with a name for each number of a class from \"0\"");
    addClasses(std::move(names), path);
    return Error::success();
  }

  /// The names of the classes, ["cat", "dog"].
  Error readLabelList(const Twine &path) {
    const json::Value *value = json.find(path.str());
    if (!value)
      return Error::success();
    const json::Array *names = value->getAsArray();
    if (!names || names->empty() || !all_of(*names, [](const json::Value &name) { return name.getAsString(); }))
      return json.error(path.str(), "an array of names of classes");
    addClasses(*names, path.str());
    return Error::success();
  }

  void addClasses(json::Array names, StringRef path) {
    auto count = static_cast<int64_t>(names.size());
    claim(Size::classes, {count, count}, path);
    result.settings["classes"] = std::move(names);
  }

  /// Transformers. A model of texts and images has the keys of its image tower in an object of their own.
  Error readTransformers() {
    std::string base = json.find(".vision_config") ? ".vision_config" : "";
    const std::pair<Size, StringLiteral> sizes[] = {{Size::width, ".hidden_size"},
                                                    {Size::depth, ".num_hidden_layers"},
                                                    {Size::hidden, ".intermediate_size"},
                                                    {Size::channels, ".num_channels"}};
    for (const auto &[size, key] : sizes)
      if (Error error = readClaim(size, base + key))
        return error;
    if (Error error = readImageClaim(Size::patch, base + ".patch_size").takeError())
      return error;
    Expected<std::optional<ImageSize>> image = readImageClaim(Size::image, base + ".image_size");
    if (!image)
      return image.takeError();
    pictures.trained = *image;
    if (Error error = readHeads(base + ".num_attention_heads"))
      return error;
    std::optional<double> eps;
    if (Error error = json.read(base + ".layer_norm_eps", eps))
      return error;
    if (eps)
      result.settings["eps"] = *eps;
    if (Error error = readActivation(base + ".hidden_act"))
      return error;
    // The layouts compute rotary position embeddings of this base.
    double computed = rotaryBase(RotaryForm::dinov3);
    std::optional<double> theta;
    if (Error error = json.read(".rope_theta", theta))
      return error;
    if (theta.value_or(computed) != computed)
      return json.error(".rope_theta", formatv("{0:f0}, the base of DINOv3's angles", computed).str());
    return readLabels(".id2label");
  }

  /// timm. Older files have the entries of `pretrained_cfg` beside `architecture`.
  Error readTimm(StringRef architecture) {
    result.settings["name"] = json::fixUTF8(architecture);
    std::string base = json.find(".pretrained_cfg") ? ".pretrained_cfg" : "";
    const std::pair<Size, StringLiteral> sizes[] = {
        {Size::width, ".num_features"}, {Size::width, ".model_args.embed_dim"}, {Size::depth, ".model_args.depth"}};
    for (const auto &[size, key] : sizes)
      if (Error error = readClaim(size, key))
        return error;
    if (Error error = readImageClaim(Size::patch, ".model_args.patch_size").takeError())
      return error;
    // A model without a classifier has 0 classes.
    if (const json::Value *classes = json.find(".num_classes"); classes && classes->getAsInteger() != 0)
      if (Error error = readClaim(Size::classes, ".num_classes"))
        return error;
    if (Error error = readHeads(".model_args.num_heads"))
      return error;
    if (architecture.contains("quickgelu"))
      result.settings["gelu"] = "quick";
    if (Error error = readActivation(".model_args.act_layer"))
      return error;
    if (Error error = readChoice(
            ".model_args.norm_layer", "norm", "'layernorm' or 'rmsnorm'",
            {{"layernorm", "layer"}, {"layernormfp32", "layer"}, {"rmsnorm", "rms"}, {"rmsnormfp32", "rms"}}))
      return error;
    // The attention of "map" has tensors, so that the layout knows it; "" is no pooling of a model without a
    // classifier.
    if (Error error = readChoice(".global_pool", "pool", "'token', 'avg' or 'map'",
                                 {{"token", "class"}, {"avg", "mean"}, {"map", ""}, {"", ""}}))
      return error;
    // The last of these that the file has.
    for (const std::string &path : {base + ".labels", base + ".label_names", std::string(".label_names")})
      if (Error error = readLabelList(path))
        return error;
    return readTimmPictures(base);
  }

  /// Sets `setting` to what the text at `path` stands for, unless that is empty. `expected` are the texts for errors.
  Error readChoice(StringRef path, StringRef setting, StringRef expected,
                   ArrayRef<std::pair<StringRef, StringRef>> choices) {
    std::optional<StringRef> text;
    if (Error error = json.read(path, text))
      return error;
    const auto *choice = find_if(choices, [&](const auto &each) { return each.first == text; });
    if (text && choice == choices.end())
      return json.error(path, expected);
    if (text && !choice->second.empty())
      result.settings[setting] = choice->second;
    return Error::success();
  }

  Error readTimmPictures(const std::string &base) {
    std::string path = base + ".input_size";
    if (const json::Value *value = json.find(path)) {
      const json::Array *sizes = value->getAsArray();
      std::optional<int64_t> numbers[3];
      for (size_t index = 0; sizes && sizes->size() == 3 && index < 3; ++index)
        numbers[index] = (*sizes)[index].getAsInteger();
      if (!all_of(numbers, [](std::optional<int64_t> number) { return number.value_or(0) > 0; }))
        return json.error(path, "[CHANNELS, HEIGHT, WIDTH]");
      claim(Size::channels, {*numbers[0], *numbers[0]}, path);
      pictures.trained = {*numbers[1], *numbers[2]};
    }
    Expected<std::optional<ImageSize>> image = readImageClaim(Size::image, ".model_args.img_size");
    if (!image)
      return image.takeError();
    if (*image)
      pictures.trained = *image;
    else if (pictures.trained)
      claim(Size::image, *pictures.trained, path);
    return pictures.readTimm(json, base);
  }

  const ConfigJson &json;
  ModelConfig &result;
  PictureConfig &pictures;
};

Expected<ModelConfig> ModelConfig::read(std::optional<MemoryBufferRef> config,
                                        std::optional<MemoryBufferRef> preprocessor) {
  ModelConfig result;
  PictureConfig pictures;
  if (config) {
    Expected<ConfigJson> json = ConfigJson::parse(*config);
    if (!json)
      return json.takeError();
    if (Error error = ConfigReader(*json, result, pictures).read())
      return std::move(error);
  }
  if (preprocessor) {
    Expected<ConfigJson> json = ConfigJson::parse(*preprocessor);
    if (!json)
      return json.takeError();
    if (Error error = pictures.readTransformers(*json))
      return std::move(error);
  }
  pictures.addTo(result.settings, result.remarks);
  return result;
}

bool ModelConfig::isComplete() const {
  return (settings.get("gelu") || settings.get("activation")) &&
         all_of(ArrayRef<StringLiteral>{"heads", "eps", "mean", "std", "image", "antialias", "interpolation", "resize"},
                [&](StringRef key) { return settings.get(key); });
}

//===----------------------------------------------------------------------===//
// Comparison with the tensors
//===----------------------------------------------------------------------===//

namespace {

/// The tensors of a model that tell its sizes.
struct Witnesses {
  const Layer *first = nullptr, *last = nullptr; ///< linear layers outside blocks: of the patches, and the last step
  const Layer *hidden = nullptr;                 ///< the first layer of a feed-forward block
  const Layer *queries = nullptr;                ///< of the last block
  const TokensStep *tokens = nullptr;
  int64_t depth = 0;

  void visit(const Steps &steps, bool isTop) {
    SmallVector<const Layer *> linears;
    for (const Step &step : steps) {
      if (auto *linear = std::get_if<LinearStep>(&step.step)) {
        linears.push_back(&linear->layer);
      } else if (auto *residual = std::get_if<ResidualStep>(&step.step)) {
        visit(residual->steps, /*isTop=*/false);
      } else if (auto *attention = std::get_if<AttentionStep>(&step.step); attention && !attention->latent) {
        ++depth;
        queries = attention->query ? &*attention->query : &*attention->fused;
      } else if (auto *tokensStep = std::get_if<TokensStep>(&step.step)) {
        tokens = tokensStep;
      }
    }
    if (!isTop && linears.size() == 2 && !hidden)
      hidden = linears.front();
    if (!isTop || linears.empty())
      return;
    first = linears.front();
    if (std::holds_alternative<LinearStep>(steps.back().step) && linears.size() > 1)
      last = linears.back();
  }
};

} // namespace

Error ModelConfig::checkSizes(const Steps &steps, ArrayRef<NamedTensor> tensors) {
  StringMap<const Tensor *> byName;
  for (const NamedTensor &named : tensors)
    byName[named.name] = &named.tensor;
  Witnesses found;
  found.visit(steps, /*isTop=*/true);
  bool hasClassifier =
      !std::holds_alternative<NormStep>(steps.back().step) && !std::holds_alternative<PoolStep>(steps.back().step);
  if (!hasClassifier && settings.erase("classes"))
    remarks.push_back("the names of classes are not used, because the model has no classifier");

  // Positions that are computed have no tensor.
  auto shapeOf = [&](const TensorName &name) {
    const Tensor *tensor = byName.lookup(name.name);
    return tensor ? ArrayRef<int64_t>(tensor->shape) : ArrayRef<int64_t>();
  };
  /// The number of tokens in a tensor of shape [.., tokens, width] or [width].
  auto rowsOf = [&](const TensorName &name) {
    ArrayRef<int64_t> shape = shapeOf(name);
    return shape.size() < 2 ? 1 : shape[shape.size() - 2];
  };
  /// The tensor one of whose dimensions is the number of outputs of a layer: the first unless it is transposed.
  auto outputs = [](const Layer *layer) { return !layer ? nullptr : layer->left ? &*layer->left : &layer->weight; };
  const TensorName *first = outputs(found.first);
  bool isConvolution =
      first && shapeOf(*first).size() == 4 && all_of(shapeOf(*first), [](int64_t size) { return size > 0; });

  for (const Claim &claim : claims) {
    auto contradict = [&](const Twine &expected, const TensorName &tensor) {
      std::string size = claim.size == Size::patch || claim.size == Size::image
                             ? formatv("{0}x{1}", claim.height, claim.width).str()
                             : std::to_string(claim.height);
      return makeError("{0}: expected {1} of tensor '{2}' of shape {3}, found {4}", claim.where, expected.str(),
                       tensor.name, formatShape(shapeOf(tensor)), size);
    };
    /// Compares the claim with dimension `dim` of `tensor`.
    auto compare = [&](const TensorName *tensor, size_t dim, StringRef what) -> Error {
      if (!tensor || shapeOf(*tensor).size() <= dim || shapeOf(*tensor)[dim] == claim.height)
        return Error::success();
      return contradict(formatv("{0} {1}", what, shapeOf(*tensor)[dim]).str(), *tensor);
    };
    /// Compares the claim with the number of outputs of `layer`.
    auto compareOutputs = [&](const Layer *layer, StringRef what) {
      return compare(outputs(layer), layer && layer->isTransposed ? 1 : 0, what);
    };
    Error error = Error::success();
    switch (claim.size) {
    case Size::width:
      error = compareOutputs(found.first, "the width");
      break;
    case Size::depth:
      if (found.queries && found.depth != claim.height)
        error =
            contradict(formatv("the number {0} of layers, with the last", found.depth).str(), *outputs(found.queries));
      break;
    case Size::hidden:
      error = compareOutputs(found.hidden, "the width");
      break;
    case Size::channels:
      error = compare(isConvolution ? first : nullptr, 1, "the channels");
      break;
    case Size::classes:
      error = compareOutputs(found.last, "the number of classes");
      break;
    case Size::patch:
      if (isConvolution && (shapeOf(*first)[2] != claim.height || shapeOf(*first)[3] != claim.width))
        error = contradict("the size of patches", *first);
      break;
    case Size::image: {
      if (!isConvolution || !found.tokens || !found.tokens->position || shapeOf(*found.tokens->position).size() < 2)
        break;
      const TensorName &position = *found.tokens->position;
      ArrayRef<int64_t> patch = shapeOf(*first);
      int64_t patches = (claim.height / patch[2]) * (claim.width / patch[3]);
      // The tokens before the patches may have positions too.
      int64_t others = rowsOf(position) - patches, maxOthers = 0;
      for (const auto &token : {found.tokens->classToken, found.tokens->distillation, found.tokens->registers})
        maxOthers += token ? rowsOf(*token) : 0;
      if (others < 0 || others > maxOthers)
        error = contradict(formatv("an image whose {0}x{1} patches have the positions", patch[2], patch[3]).str(),
                           position);
      break;
    }
    }
    if (error)
      return error;
  }
  return Error::success();
}

} // namespace vitya
