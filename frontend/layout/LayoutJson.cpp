// The mapping from JSON to layouts, and where steps of each kind are allowed.
#include "dialect/support/Errors.h"
#include "frontend/layout/JsonErrors.h"
#include "frontend/layout/OptionalTensors.h"
#include "frontend/layout/Settings.h"
#include "frontend/layout/StepJson.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/GlobPattern.h"
#include <map>

using namespace llvm;

namespace vitya {

//===----------------------------------------------------------------------===//
// Places of steps
//===----------------------------------------------------------------------===//

/// Where a step is: at the top level after the first step, in a branch of an average, or in a repetition or a
/// residual.
enum class Place { model, branch, block };

static bool isAllowed(const Step &step, Place place) {
  if (std::holds_alternative<PoolStep>(step.step))
    return place != Place::block;
  if (std::holds_alternative<ConvolutionStep>(step.step) || std::holds_alternative<MaxPoolStep>(step.step))
    return place != Place::branch;
  if (std::holds_alternative<TokensStep>(step.step) || std::holds_alternative<RepeatStep>(step.step) ||
      std::holds_alternative<AverageStep>(step.step))
    return place == Place::model;
  return !std::holds_alternative<PatchifyStep>(step.step);
}

static bool checkStep(const Step &step, Place place, json::Path path);

static bool checkSteps(const Steps &steps, Place place, json::Path path) {
  for (auto [index, step] : enumerate(steps))
    if (!checkStep(step, place, path.index(index)))
      return false;
  if (steps.empty())
    path.report("expected at least one step");
  return !steps.empty();
}

static bool checkBranches(const std::vector<Steps> &branches, Place place, json::Path path) {
  for (auto [index, branch] : enumerate(branches))
    if (!checkSteps(branch, place, path.index(index)))
      return false;
  if (branches.empty())
    path.report("expected at least one list of steps");
  return !branches.empty();
}

/// Reports a step, or one in it, that is not allowed where it is, and lists without steps.
static bool checkStep(const Step &step, Place place, json::Path path) {
  constexpr StringLiteral kExpected[] = {"expected 'patchify' as the first step only",
                                         "expected a step of a branch: an activation or an object with key 'pool', "
                                         "'linear', 'norm', 'attention', 'residual', "
                                         "'product' or 'if'",
                                         "expected a step within a block: an activation or an object with key "
                                         "'linear', 'norm', 'attention', 'residual', "
                                         "'product', 'if', 'convolution' or 'max_pool'"};
  if (!isAllowed(step, place)) {
    path.report(kExpected[static_cast<size_t>(place)]);
    return false;
  }
  if (auto *residual = std::get_if<ResidualStep>(&step.step))
    return checkSteps(residual->steps, Place::block, path.field("residual"));
  if (auto *repeat = std::get_if<RepeatStep>(&step.step))
    return checkSteps(repeat->steps, Place::block, path.field("steps"));
  if (auto *average = std::get_if<AverageStep>(&step.step))
    return checkBranches(average->branches, Place::branch, path.field("average"));
  if (auto *product = std::get_if<ProductStep>(&step.step))
    return checkBranches(product->branches, Place::block, path.field("product"));
  auto *choice = std::get_if<IfStep>(&step.step);
  return !choice || (checkSteps(choice->then, place, path.field("then")) &&
                     (choice->otherwise.empty() || checkSteps(choice->otherwise, place, path.field("else"))));
}

static bool checkModelSteps(const Steps &steps, json::Path path) {
  if (steps.empty()) {
    path.report("expected at least one step");
    return false;
  }
  if (!std::holds_alternative<PatchifyStep>(steps.front().step)) {
    path.index(0).report("expected 'patchify' as the first step");
    return false;
  }
  for (auto [index, step] : enumerate(ArrayRef(steps).drop_front()))
    if (!checkStep(step, Place::model, path.index(index + 1)))
      return false;
  return true;
}

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

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

static bool fromJSON(const json::Value &value, CoveredTokens &covered, json::Path path) {
  std::optional<CoveredTokens> known = StringSwitch<std::optional<CoveredTokens>>(value.getAsString().value_or(""))
                                           .Case("none", CoveredTokens::none)
                                           .Case("class", CoveredTokens::classTokens)
                                           .Case("all", CoveredTokens::all)
                                           .Default(std::nullopt);
  if (known)
    covered = *known;
  else
    path.report("expected 'none', 'class' or 'all'");
  return known.has_value();
}

static bool fromJSON(const json::Value &value, NewModelTensors &tensors, json::Path path) {
  json::ObjectMapper map(value, path);
  return map &&
         checkKeys(value, {"tensors", "ranks", "position_covers"},
                   "expected one of the keys 'tensors', 'ranks', 'position_covers'", path) &&
         map.mapOptional("tensors", tensors.tensors) && map.mapOptional("ranks", tensors.ranks) &&
         map.mapOptional("position_covers", tensors.covered);
}

/// What replaces each placeholder of a layout, such as "{blocks}".
using Names = std::map<std::string, std::string>;

static bool fromJSON(const json::Value &value, Layout &layout, json::Path path) {
  json::ObjectMapper map(value, path);
  std::string description;
  std::vector<Names> names;
  if (!map ||
      !checkKeys(value, {"name", "description", "defaults", "variants", "ignore", "names", "new", "steps"},
                 "expected one of the keys 'name', 'description', 'defaults', 'variants', 'ignore', 'names', 'new', "
                 "'steps'",
                 path) ||
      !map.map("name", layout.name) || !map.mapOptional("description", description) ||
      !readSettings(value, "defaults", layout.defaults, path) || !map.mapOptional("variants", layout.variants) ||
      !map.mapOptional("ignore", layout.ignore) || !map.mapOptional("new", layout.newModel) ||
      !map.mapOptional("names", names) || !map.map("steps", layout.steps))
    return false;
  return checkModelSteps(layout.steps, path.field("steps"));
}

/// `value` with each placeholder in its strings and keys replaced by its name.
static json::Value replacePlaceholders(const json::Value &value, const json::Object &names) {
  if (const json::Object *object = value.getAsObject()) {
    json::Object result;
    for (const auto &[key, member] : *object)
      result[replacePlaceholders(key.str(), names).getAsString()->str()] = replacePlaceholders(member, names);
    return result;
  }
  if (const json::Array *array = value.getAsArray())
    return json::Array(map_range(*array, [&](const json::Value &each) { return replacePlaceholders(each, names); }));
  std::optional<StringRef> found = value.getAsString();
  if (!found)
    return value;
  std::string text = found->str();
  for (const auto &[key, name] : names)
    text = join(split(text, ("{" + StringRef(key) + "}").str()), *name.getAsString());
  return text;
}

/// Checks settings that are the object at `path` of `file`.
static Error checkSettings(const JsonFile &file, const Twine &path, const json::Object &settings) {
  for (const auto &[key, value] : settings)
    if (Expected<Settings> single = Settings::merge(json::Object{{key.str(), value}}, {}, {}); !single)
      return prefixError(file.locate((path + "." + StringRef(key)).str()), single.takeError());
  return Error::success();
}

/// Checks that what a layout says about new models is about optional tensors and about tokens.
static Error checkNewModel(const JsonFile &file, const Layout &layout) {
  std::vector<std::string> optional = optionalNames(layout.steps);
  auto list = [](ArrayRef<std::string> names) { return names.empty() ? "none" : "'" + join(names, "', '") + "'"; };
  for (auto [index, name] : enumerate(layout.newModel.tensors))
    if (!is_contained(optional, name))
      return makeError("{0}: expected optional names of the steps ({1}), found \"{2}\"",
                       file.locate(formatv(".new.tensors[{0}]", index).str()), list(optional), name);
  std::vector<std::string> tokens;
  for (const Step &step : layout.steps)
    if (auto *tokensStep = std::get_if<TokensStep>(&step.step))
      for (const auto *name :
           {&tokensStep->classToken, &tokensStep->distillation, &tokensStep->registers, &tokensStep->position})
        if (*name)
          tokens.push_back((*name)->name);
  constexpr int64_t kMaxRank = 3;
  for (const auto &[name, rank] : layout.newModel.ranks)
    if (!is_contained(tokens, name) || rank < 1 || rank > kMaxRank)
      return makeError("{0}: expected ranks from 1 to {1} of tokens and positions ({2}), found {3}",
                       file.locate(".new.ranks." + name), kMaxRank, list(tokens), rank);
  return Error::success();
}

/// Checks what the mapping from JSON does not: settings, glob patterns and names.
static Error checkLayout(const JsonFile &file, const Layout &layout) {
  if (Error error = checkSettings(file, ".defaults", layout.defaults))
    return error;
  for (auto [index, variant] : enumerate(layout.variants))
    if (Error error = checkSettings(file, ".variants[" + Twine(index) + "].defaults", variant.defaults))
      return error;
  for (auto [index, glob] : enumerate(layout.ignore))
    if (Expected<GlobPattern> pattern = GlobPattern::create(glob); !pattern)
      return makeError("{0}: expected a glob pattern ({1}), found \"{2}\"",
                       file.locate(formatv(".ignore[{0}]", index).str()), toString(pattern.takeError()), glob);
  return checkNewModel(file, layout);
}

/// Reads a layout whose placeholders have been replaced.
static Expected<Layout> readLayout(const JsonFile &file, const json::Value &value) {
  Expected<Layout> layout = file.map<Layout>(value);
  if (!layout)
    return layout;
  if (Error error = checkLayout(file, *layout))
    return std::move(error);
  return layout;
}

Expected<Layout> Layout::parse(StringRef name, StringRef text) {
  Expected<JsonFile> file = JsonFile::parse(name, text);
  if (!file)
    return file.takeError();
  const json::Value &root = file->value();
  Expected<Layout> layout = readLayout(*file, root);
  const json::Array *names = layout ? root.getAsObject()->getArray("names") : nullptr;
  if (!names || names->empty())
    return layout;
  std::vector<Layout> layouts;
  for (const json::Value &each : *names) {
    Expected<Layout> named = readLayout(*file, replacePlaceholders(root, *each.getAsObject()));
    if (!named)
      return named;
    layouts.push_back(std::move(*named));
  }
  Layout result = std::move(layouts.front());
  result.others.assign(std::make_move_iterator(layouts.begin() + 1), std::make_move_iterator(layouts.end()));
  return result;
}

} // namespace vitya
