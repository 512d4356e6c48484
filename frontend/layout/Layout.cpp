// Reads layout files. What a step may hold stands in one function for each kind of step; what the steps mean together
// is checked where they are used, in frontend/import.
#include "frontend/layout/Layout.h"
#include "dialect/support/Errors.h"
#include "frontend/layout/JsonCursor.h"
#include "frontend/layout/Settings.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace vitya {

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

/// A name; one that ends in '?' is optional.
static Expected<TensorName> readName(const JsonCursor &cursor) {
  Expected<StringRef> text = cursor.string();
  if (!text)
    return text.takeError();
  StringRef name = *text;
  bool optional = name.consume_back("?");
  if (name.empty())
    return cursor.error("a name");
  return TensorName{name.str(), optional};
}

/// {"left": "sa.U_q", "right": "sa.V_qT", "bias": "sa.bias_q"}
static Expected<FactorNames> readFactors(const JsonCursor &cursor) {
  if (Error error = cursor.checkObject({"left", "right", "bias"}))
    return std::move(error);
  FactorNames factors;
  for (auto [key, into] : {std::pair(StringRef("left"), &factors.left),
                           {StringRef("right"), &factors.right},
                           {StringRef("bias"), &factors.bias}}) {
    Expected<JsonCursor> member = cursor.required(key);
    if (!member)
      return member.takeError();
    Expected<StringRef> name = member->string();
    if (!name)
      return name.takeError();
    *into = name->str();
  }
  return factors;
}

/// "norm1", or {"name": "attn.qkv", "weight": "attn.qkv.weight", "bias": "attn.qkv.bias?"}, where weight and bias have
/// these names unless they are given, and a null bias is none. A layer has a scale where one is given.
static Expected<Layer> readLayer(const JsonCursor &cursor) {
  bool spelledOut = cursor.value().getAsObject() != nullptr;
  if (spelledOut)
    if (Error error = cursor.checkObject({"name", "weight", "bias", "scale", "factors"}))
      return std::move(error);
  Expected<JsonCursor> nameCursor = spelledOut ? cursor.required("name") : cursor;
  if (!nameCursor)
    return nameCursor.takeError();
  Expected<TensorName> name = readName(*nameCursor);
  if (!name)
    return name.takeError();
  Layer layer{name->name, {name->name + ".weight", name->optional}, TensorName{name->name + ".bias", false}, {}, {},
              {}};
  if (std::optional<JsonCursor> factors = cursor.member("factors")) {
    Expected<FactorNames> given = readFactors(*factors);
    if (!given)
      return given.takeError();
    layer.factors.push_back(std::move(*given));
  }
  // What our own compiler writes.
  layer.factors.push_back({name->name + ".left.weight", name->name + ".right.weight", name->name + ".left.bias"});
  if (std::optional<JsonCursor> weight = cursor.member("weight")) {
    Expected<TensorName> given = readName(*weight);
    if (!given)
      return given.takeError();
    layer.weight.name = given->name;
    layer.weight.optional |= given->optional;
  }
  if (std::optional<JsonCursor> bias = cursor.member("bias")) {
    layer.bias.reset();
    if (!bias->value().getAsNull()) {
      Expected<TensorName> given = readName(*bias);
      if (!given)
        return given.takeError();
      layer.bias = std::move(*given);
    }
  }
  if (std::optional<JsonCursor> scale = cursor.member("scale")) {
    Expected<TensorName> given = readName(*scale);
    if (!given)
      return given.takeError();
    layer.scale = std::move(*given);
  }
  return layer;
}

/// The layer under `key`, if there is one.
static Error readLayer(const JsonCursor &step, StringRef key, std::optional<Layer> &into) {
  std::optional<JsonCursor> cursor = step.member(key);
  if (!cursor)
    return Error::success();
  Expected<Layer> layer = readLayer(*cursor);
  if (!layer)
    return layer.takeError();
  if (layer->weight.optional)
    return cursor->error("a layer that is not optional");
  into = std::move(*layer);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

static Expected<Steps> readSteps(const JsonCursor &cursor, bool atTop);

static Expected<Step> readPatchify(const JsonCursor &step, const JsonCursor &argument) {
  if (Error error = step.checkObject({"patchify"}))
    return std::move(error);
  Expected<StringRef> text = argument.string();
  if (!text)
    return text.takeError();
  std::optional<PatchOrder> order = symbolizePatchOrder(*text);
  if (!order)
    return argument.error("'channel_row_column' or 'row_column_channel'");
  return Step{PatchifyStep{*order}};
}

template <typename LayerStep>
static Expected<Step> readLayerStep(StringRef kind, const JsonCursor &step, const JsonCursor &argument) {
  if (Error error = step.checkObject({kind}))
    return std::move(error);
  Expected<Layer> layer = readLayer(argument);
  if (!layer)
    return layer.takeError();
  if (std::is_same_v<LayerStep, NormStep> && layer->scale)
    return argument.error("a norm without 'scale'");
  return Step{LayerStep{std::move(*layer)}};
}

static Expected<Step> readAttention(const JsonCursor &step, const JsonCursor &argument) {
  if (Error error = step.checkObject({"attention", "qkv", "query", "key", "value", "out"}))
    return std::move(error);
  Expected<TensorName> name = readName(argument);
  if (!name)
    return name.takeError();
  AttentionStep attention;
  attention.name = name->name;
  std::optional<Layer> out;
  for (auto [key, layer] : {std::pair(StringRef("qkv"), &attention.fused),
                            {StringRef("query"), &attention.query},
                            {StringRef("key"), &attention.key},
                            {StringRef("value"), &attention.value},
                            {StringRef("out"), &out}})
    if (Error error = readLayer(step, key, *layer))
      return std::move(error);
  bool separate = attention.query && attention.key && attention.value;
  bool any = attention.query || attention.key || attention.value;
  if (!out || (attention.fused ? any : !separate))
    return step.error("attention with 'out' and either 'qkv' or all of 'query', 'key' and 'value'");
  attention.out = std::move(*out);
  return Step{std::move(attention)};
}

static Expected<Step> readTokens(const JsonCursor &step, const JsonCursor &argument) {
  if (Error error = step.checkObject({"tokens"}))
    return std::move(error);
  if (Error error = argument.checkObject({"class", "position"}))
    return std::move(error);
  TokensStep tokens;
  for (auto [key, name] :
       {std::pair(StringRef("class"), &tokens.classToken), {StringRef("position"), &tokens.position}})
    if (std::optional<JsonCursor> cursor = argument.member(key)) {
      Expected<TensorName> given = readName(*cursor);
      if (!given)
        return given.takeError();
      *name = std::move(*given);
    }
  return Step{std::move(tokens)};
}

std::optional<Pool> symbolizePool(StringRef name) {
  if (name == "auto")
    return Pool::automatic;
  if (name == "class")
    return Pool::classToken;
  if (name == "mean")
    return Pool::mean;
  return std::nullopt;
}

static Expected<Step> readPool(const JsonCursor &step, const JsonCursor &argument) {
  if (Error error = step.checkObject({"pool", "mean_if"}))
    return std::move(error);
  Expected<StringRef> text = argument.string();
  if (!text)
    return text.takeError();
  std::optional<Pool> pool = symbolizePool(*text);
  if (!pool)
    return argument.error("'auto', 'class' or 'mean'");
  PoolStep result{*pool, ""};
  if (std::optional<JsonCursor> meanIf = step.member("mean_if")) {
    Expected<StringRef> name = meanIf->string();
    if (!name)
      return name.takeError();
    result.meanIf = name->str();
  }
  return Step{std::move(result)};
}

static Expected<Step> readRepeat(const JsonCursor &step, const JsonCursor &argument) {
  if (Error error = step.checkObject({"repeat", "steps"}))
    return std::move(error);
  Expected<StringRef> prefix = argument.string();
  if (!prefix)
    return prefix.takeError();
  if (prefix->count("{i}") != 1)
    return argument.error("a prefix with one '{i}'");
  Expected<JsonCursor> steps = step.required("steps");
  if (!steps)
    return steps.takeError();
  Expected<Steps> inner = readSteps(*steps, /*atTop=*/false);
  if (!inner)
    return inner.takeError();
  return Step{RepeatStep{prefix->str(), std::move(*inner)}};
}

static Expected<Step> readStep(const JsonCursor &cursor, bool atTop) {
  if (cursor.value().getAsString() == StringRef("gelu"))
    return Step{GeluStep{}};
  if (auto argument = cursor.member("linear"))
    return readLayerStep<LinearStep>("linear", cursor, *argument);
  if (auto argument = cursor.member("norm"))
    return readLayerStep<NormStep>("norm", cursor, *argument);
  if (auto argument = cursor.member("attention"))
    return readAttention(cursor, *argument);
  if (auto argument = cursor.member("residual")) {
    if (Error error = cursor.checkObject({"residual"}))
      return std::move(error);
    Expected<Steps> steps = readSteps(*argument, /*atTop=*/false);
    if (!steps)
      return steps.takeError();
    return Step{ResidualStep{std::move(*steps)}};
  }
  if (!atTop)
    return cursor.error("a step within a block: \"gelu\" or an object with key 'linear', 'norm', 'attention' or "
                        "'residual'");
  if (auto argument = cursor.member("patchify"))
    return readPatchify(cursor, *argument);
  if (auto argument = cursor.member("tokens"))
    return readTokens(cursor, *argument);
  if (auto argument = cursor.member("pool"))
    return readPool(cursor, *argument);
  if (auto argument = cursor.member("repeat"))
    return readRepeat(cursor, *argument);
  return cursor.error("a step: \"gelu\" or an object with key 'patchify', 'tokens', 'linear', 'norm', 'attention', "
                      "'residual', 'repeat' or 'pool'");
}

static Expected<Steps> readSteps(const JsonCursor &cursor, bool atTop) {
  Expected<std::vector<JsonCursor>> elements = cursor.elements();
  if (!elements)
    return elements.takeError();
  Steps steps;
  for (auto [index, element] : enumerate(*elements)) {
    Expected<Step> step = readStep(element, atTop);
    if (!step)
      return step.takeError();
    if (atTop && std::holds_alternative<PatchifyStep>(step->step) != (index == 0))
      return element.error(index == 0 ? "'patchify' as the first step" : "'patchify' as the first step only");
    steps.push_back(std::move(*step));
  }
  if (steps.empty())
    return cursor.error("at least one step");
  return steps;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

Expected<Layout> Layout::parse(StringRef file, StringRef text) {
  Expected<json::Value> root = json::parse(text);
  if (!root) {
    // The message begins with "[line:column, byte=n]: ".
    std::string message = toString(root.takeError());
    auto [position, what] = StringRef(message).split("]: ");
    return makeError("{0}:{1}: expected JSON, found: {2}", file, position.drop_front().split(',').first, what);
  }
  JsonCursor cursor(file, text, *root);
  if (Error error = cursor.checkObject({"name", "description", "defaults", "ignore", "steps"}))
    return std::move(error);
  Layout layout;
  Expected<JsonCursor> name = cursor.required("name");
  if (!name)
    return name.takeError();
  Expected<StringRef> nameText = name->string();
  if (!nameText)
    return nameText.takeError();
  layout.name = nameText->str();
  if (std::optional<JsonCursor> description = cursor.member("description")) {
    Expected<StringRef> text = description->string();
    if (!text)
      return text.takeError();
  }
  if (std::optional<JsonCursor> defaults = cursor.member("defaults")) {
    if (Error error = defaults->checkObject(settingNames()))
      return std::move(error);
    layout.defaults = *defaults->value().getAsObject();
    for (const auto &[key, value] : layout.defaults)
      if (Expected<Settings> one = Settings::merge(json::Object{{key.str(), value}}, {}, {}); !one)
        return prefixError(defaults->member(key)->where(), one.takeError());
  }
  if (std::optional<JsonCursor> ignore = cursor.member("ignore")) {
    Expected<std::vector<JsonCursor>> names = ignore->elements();
    if (!names)
      return names.takeError();
    for (const JsonCursor &element : *names) {
      Expected<StringRef> ignored = element.string();
      if (!ignored)
        return ignored.takeError();
      Expected<GlobPattern> pattern = GlobPattern::create(*ignored);
      if (!pattern)
        return element.error("a glob pattern (" + toString(pattern.takeError()) + ")");
      layout.ignore.push_back(ignored->str());
    }
  }
  Expected<JsonCursor> stepsCursor = cursor.required("steps");
  if (!stepsCursor)
    return stepsCursor.takeError();
  Expected<Steps> steps = readSteps(*stepsCursor, /*atTop=*/true);
  if (!steps)
    return steps.takeError();
  layout.steps = std::move(*steps);
  return layout;
}

Expected<Layout> Layout::load(StringRef path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> file = MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!file)
    return makeError("{0}: expected a readable layout file, found: {1}", path, file.getError().message());
  return parse(path, (*file)->getBuffer());
}

std::string defaultLayoutFolder() {
  // The address of any function of the program serves to find it where /proc is not mounted.
  SmallString<128> folder(sys::fs::getMainExecutable(nullptr, reinterpret_cast<void *>(&defaultLayoutFolder)));
  sys::path::remove_filename(folder);
  sys::path::append(folder, "..", "share", "vitya", "layouts");
  return std::string(folder);
}

Expected<std::vector<Layout>> loadLayouts(StringRef name, StringRef folder) {
  std::vector<std::string> paths;
  if (sys::path::has_parent_path(name) || name.ends_with(".json")) {
    paths.push_back(name.str());
  } else {
    std::vector<std::string> names;
    std::error_code error;
    for (sys::fs::directory_iterator entry(folder, error), end; entry != end && !error; entry.increment(error))
      if (sys::path::extension(entry->path()) == ".json") {
        names.push_back(sys::path::stem(entry->path()).str());
        if (name == "auto" || name == names.back())
          paths.push_back(entry->path());
      }
    llvm::sort(names);
    llvm::sort(paths);
    if (paths.empty())
      return makeError("expected a layout file or 'auto'{0}, found '{1}' (layouts are in {2})",
                       names.empty() ? "" : ", '" + join(names, "', '") + "'", name, folder);
  }
  std::vector<Layout> layouts;
  for (const std::string &path : paths) {
    Expected<Layout> layout = Layout::load(path);
    if (!layout)
      return layout.takeError();
    layouts.push_back(std::move(*layout));
  }
  return layouts;
}

} // namespace vitya
