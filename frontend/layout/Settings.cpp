// One table describes all settings: the form of their values and how a value is assigned.
#include "frontend/layout/Settings.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace llvm;

namespace vitya {

std::optional<Pool> symbolizePool(StringRef name) {
  return StringSwitch<std::optional<Pool>>(name)
      .Case("auto", Pool::automatic)
      .Case("class", Pool::classToken)
      .Case("mean", Pool::mean)
      .Default(std::nullopt);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

static std::optional<float> readFinite(const json::Value &value) {
  std::optional<double> number = value.getAsNumber();
  return number && std::isfinite(static_cast<float>(*number)) ? std::optional(static_cast<float>(*number))
                                                              : std::nullopt;
}

static std::optional<int64_t> readPositive(const json::Value &value) {
  constexpr int64_t max = 1 << 20;
  std::optional<int64_t> number = value.getAsInteger();
  return number && *number > 0 && *number <= max ? number : std::nullopt;
}

/// Reads each element of an array with `read`, which returns an optional. Returns nothing if an element is not valid or
/// if there are none.
template <typename Element, typename Read>
static std::optional<std::vector<Element>> readArray(const json::Value &value, Read read) {
  const json::Array *array = value.getAsArray();
  if (!array || array->empty())
    return std::nullopt;
  std::vector<Element> result;
  for (const json::Value &item : *array) {
    auto element = read(item);
    if (!element)
      return std::nullopt;
    result.push_back(Element(*element));
  }
  return result;
}

/// Moves `value` to `target` if there is one.
template <typename T, typename Target>
static bool assignIfAny(std::optional<T> value, Target &target) {
  if (value)
    target = std::move(*value);
  return value.has_value();
}

//===----------------------------------------------------------------------===//
// Settings
//===----------------------------------------------------------------------===//

/// How the value of an assignment "key=value" is read if it is not JSON: as one text, as texts separated by commas, or
/// as JSON values separated by commas. A value of form `text` is never read as JSON.
enum class SettingForm { text, texts, json, list };

struct Settings::Setting {
  StringLiteral name;
  SettingForm form;
  bool (Settings::*assign)(const json::Value &value);
  StringLiteral expected; ///< the valid values, for errors
};

const Settings::Setting Settings::kSettings[] = {
    {"antialias", SettingForm::json, &Settings::assignAntialias, "true or false"},
    {"classes", SettingForm::texts, &Settings::assignClasses, "a text for each class"},
    {"eps", SettingForm::json, &Settings::assignEps, "a finite number that is not negative"},
    {"gelu", SettingForm::text, &Settings::assignGelu, "'erf' or 'tanh'"},
    {"heads", SettingForm::json, &Settings::assignHeads, "a positive number, or one for each width"},
    {"image", SettingForm::list, &Settings::assignImage, "the height and the width of the image, or one size for both"},
    {"mean", SettingForm::list, &Settings::assignMean, "a number for each channel"},
    {"name", SettingForm::text, &Settings::assignName, "a text"},
    {"pool", SettingForm::text, &Settings::assignPool, "'auto', 'class' or 'mean'"},
    {"std", SettingForm::list, &Settings::assignStd, "a positive number for each channel"},
};

bool Settings::assignAntialias(const json::Value &value) { return assignIfAny(value.getAsBoolean(), antialias); }

bool Settings::assignClasses(const json::Value &value) {
  return assignIfAny(readArray<std::string>(value, [](const json::Value &item) { return item.getAsString(); }),
                     classes);
}

bool Settings::assignEps(const json::Value &value) {
  std::optional<float> number = readFinite(value);
  if (!number || *number < 0)
    return false;
  epsilon = value.getAsNumber();
  return true;
}

bool Settings::assignGelu(const json::Value &value) {
  std::optional<StringRef> text = value.getAsString();
  return text && assignIfAny(symbolizeGeluForm(*text), gelu);
}

bool Settings::assignHeads(const json::Value &value) {
  headsOfAll = readPositive(value);
  headsOfWidths.clear();
  if (headsOfAll)
    return true;
  const json::Object *widths = value.getAsObject();
  if (!widths)
    return false;
  for (const auto &[key, heads] : *widths) {
    int64_t width;
    std::optional<int64_t> number = readPositive(heads);
    if (StringRef(key).getAsInteger(10, width) || !number)
      return false;
    headsOfWidths.emplace_back(width, *number);
  }
  return true;
}

bool Settings::assignImage(const json::Value &value) {
  std::optional<std::vector<int64_t>> sizes = readArray<int64_t>(value, readPositive);
  if (std::optional<int64_t> side = readPositive(value))
    sizes = {*side};
  if (sizes && sizes->size() == 1)
    sizes->push_back(sizes->front());
  return sizes && sizes->size() == 2 && assignIfAny(std::move(sizes), image);
}

bool Settings::assignMean(const json::Value &value) { return assignIfAny(readArray<float>(value, readFinite), mean); }

bool Settings::assignName(const json::Value &value) {
  std::optional<StringRef> text = value.getAsString();
  if (!text || text->empty())
    return false;
  name = text->str();
  return true;
}

bool Settings::assignPool(const json::Value &value) {
  std::optional<StringRef> text = value.getAsString();
  return text && assignIfAny(symbolizePool(*text), pool);
}

bool Settings::assignStd(const json::Value &value) {
  std::optional<std::vector<float>> values = readArray<float>(value, readFinite);
  return values && all_of(*values, [](float number) { return number > 0; }) && assignIfAny(std::move(values), std);
}

Expected<const Settings::Setting *> Settings::find(StringRef key, StringRef source) {
  for (const Setting &setting : kSettings)
    if (setting.name == key)
      return &setting;
  auto names = map_range(kSettings, [](const Setting &setting) { return setting.name; });
  return makeError("expected a setting among '{0}', found '{1}' ({2})", join(names, "', '"), key, source);
}

Error Settings::assign(StringRef key, const json::Value &value, StringRef source) {
  Expected<const Setting *> setting = find(key, source);
  if (!setting)
    return setting.takeError();
  if ((this->*(*setting)->assign)(value))
    return Error::success();
  return makeError("expected setting '{0}' to be {1}, found {2} ({3})", key, (*setting)->expected, value, source);
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

/// `text` as JSON, or as a text if it is not JSON.
static json::Value readElement(StringRef text) {
  Expected<json::Value> parsed = json::parse(text);
  if (parsed)
    return std::move(*parsed);
  consumeError(parsed.takeError());
  return text;
}

/// The value of an assignment of the command line.
static json::Value readAssignment(SettingForm form, StringRef text) {
  if (form == SettingForm::text)
    return text;
  json::Value value = readElement(text);
  if (form == SettingForm::json || value.getAsArray())
    return value;
  json::Array elements;
  for (StringRef item : split(text, ','))
    elements.push_back(form == SettingForm::texts ? json::Value(item.trim()) : readElement(item.trim()));
  return elements;
}

Expected<Settings> Settings::merge(const json::Object &defaults, const json::Object &file,
                                   ArrayRef<std::string> assignments) {
  Settings settings;
  for (const auto &[key, value] : defaults)
    if (Error error = settings.assign(key, value, "the layout's defaults"))
      return std::move(error);
  for (const auto &[key, value] : file)
    if (Error error = settings.assign(key, value, "the file's 'vitya' entry"))
      return std::move(error);
  for (StringRef assignment : assignments) {
    auto [key, text] = assignment.split('=');
    if (!assignment.contains('='))
      return makeError("expected a setting as KEY=VALUE, found '{0}'", assignment);
    std::string source = "--set " + assignment.str();
    Expected<const Setting *> setting = find(key, source);
    if (!setting)
      return setting.takeError();
    if (Error error = settings.assign(key, readAssignment((*setting)->form, text), source))
      return std::move(error);
  }
  return settings;
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

Expected<int64_t> Settings::heads(int64_t width, StringRef layer) const {
  std::optional<int64_t> heads = headsOfAll;
  for (auto [known, number] : headsOfWidths)
    if (known == width)
      heads = number;
  if (!heads)
    return makeError("expected the number of heads of a model of width {0}, found none in the file and in the layout: "
                     "give it with --set heads=N",
                     width);
  if (width % *heads != 0)
    return makeError("expected heads that divide the width of '{0}', found {1} heads and width {2}", layer, *heads,
                     width);
  return *heads;
}

Expected<double> Settings::eps() const {
  if (!epsilon)
    return makeError("expected the eps of LayerNorm, found none in the file and in the layout: give it with --set "
                     "eps=NUMBER");
  return *epsilon;
}

} // namespace vitya
