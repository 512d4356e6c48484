// One table describes all settings: the form of their values and how a value is assigned.
#include "frontend/layout/Settings.h"
#include "dialect/support/Errors.h"
#include "dialect/support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace llvm;

namespace vitya {

template <typename Enum>
using Names = std::initializer_list<std::pair<Enum, StringLiteral>>;

template <typename Enum>
static std::optional<Enum> symbolize(Names<Enum> names, StringRef name) {
  auto *found = find_if(names, [&](const auto &entry) { return entry.second == name; });
  return found == names.end() ? std::nullopt : std::optional(found->first);
}

template <typename Enum>
static StringRef stringify(Names<Enum> names, Enum value) {
  return find_if(names, [&](const auto &entry) { return entry.first == value; })->second;
}

static constexpr Names<Pool> kPools = {{Pool::automatic, "auto"},
                                       {Pool::classToken, "class"},
                                       {Pool::mean, "mean"},
                                       {Pool::distillation, "distillation"},
                                       {Pool::classAndMean, "class_and_mean"},
                                       {Pool::sequence, "sequence"}};
static constexpr Names<Activation> kActivations = {
    {Activation::gelu, "gelu"}, {Activation::relu, "relu"}, {Activation::silu, "silu"}, {Activation::swiglu, "swiglu"}};
static constexpr Names<NormKind> kNormKinds = {{NormKind::layer, "layer"}, {NormKind::rms, "rms"}};

std::optional<Pool> symbolizePool(StringRef name) { return symbolize(kPools, name); }
StringRef stringifyPool(Pool pool) { return stringify(kPools, pool); }

std::optional<Activation> symbolizeActivation(StringRef name) { return symbolize(kActivations, name); }
StringRef stringifyActivation(Activation activation) { return stringify(kActivations, activation); }

StringRef stringifyNormKind(NormKind kind) { return stringify(kNormKinds, kind); }

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
template <typename T>
static bool assignIfAny(std::optional<T> value, SettingSource source, Sourced<T> &target) {
  if (value)
    target = {std::move(*value), source};
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
  bool (Settings::*assign)(const json::Value &value, SettingSource source);
  StringLiteral expected; ///< the valid values, for errors
};

const Settings::Setting Settings::kSettings[] = {
    {"activation", SettingForm::text, &Settings::assignActivation, "'gelu', 'relu' or 'silu'"},
    {"antialias", SettingForm::json, &Settings::assignAntialias, "true or false"},
    {"classes", SettingForm::texts, &Settings::assignClasses, "a text for each class"},
    {"crop_rounding", SettingForm::text, &Settings::assignCropRounding, "'half_even' or 'floor'"},
    {"eps", SettingForm::json, &Settings::assignEps, "a finite number that is not negative"},
    {"gelu", SettingForm::text, &Settings::assignGelu, "'erf', 'tanh' or 'quick'"},
    {"heads", SettingForm::json, &Settings::assignHeads, "a positive number, or one for each width"},
    {"image", SettingForm::list, &Settings::assignImage, "the height and the width of the image, or one size for both"},
    {"interpolation", SettingForm::text, &Settings::assignInterpolation, "'bilinear' or 'bicubic'"},
    {"mean", SettingForm::list, &Settings::assignMean,
     "a number from 0 to 1 for each channel, as pixels are (divide numbers on the scale from 0 to 255 by 255)"},
    {"name", SettingForm::text, &Settings::assignName, "a text"},
    {"norm", SettingForm::text, &Settings::assignNorm, "'layer' or 'rms'"},
    {"pool", SettingForm::text, &Settings::assignPool, "'auto', 'class' or 'mean'"},
    {"resize", SettingForm::list, &Settings::assignResize,
     "'image', the size of the shorter side, a height and a width, or {\"crop_fraction\": FRACTION} with a fraction "
     "above 0 and up to 1"},
    {"std", SettingForm::list, &Settings::assignStd,
     "a positive number up to 1 for each channel, as pixels are in [0, 1] (divide numbers on the scale from 0 to 255 "
     "by 255)"},
};

bool Settings::assignActivation(const json::Value &value, SettingSource source) {
  std::optional<StringRef> text = value.getAsString();
  std::optional<Activation> given = text ? symbolizeActivation(*text) : std::nullopt;
  // SwiGLU halves the columns, which no tensor of another activation allows.
  return given != Activation::swiglu && assignIfAny(given, source, activation);
}

bool Settings::assignAntialias(const json::Value &value, SettingSource source) {
  return assignIfAny(value.getAsBoolean(), source, antialias);
}

bool Settings::assignClasses(const json::Value &value, SettingSource) {
  auto names = readArray<std::string>(value, [](const json::Value &item) { return item.getAsString(); });
  classes = names.value_or(std::vector<std::string>());
  return names.has_value();
}

bool Settings::assignCropRounding(const json::Value &value, SettingSource source) {
  std::optional<StringRef> text = value.getAsString();
  return text && assignIfAny(symbolizeCropRounding(*text), source, cropRounding);
}

bool Settings::assignEps(const json::Value &value, SettingSource source) {
  std::optional<float> number = readFinite(value);
  if (!number || *number < 0)
    return false;
  epsilon = {value.getAsNumber(), source};
  return true;
}

bool Settings::assignGelu(const json::Value &value, SettingSource source) {
  std::optional<StringRef> text = value.getAsString();
  return text && assignIfAny(symbolizeGeluForm(*text), source, gelu);
}

bool Settings::assignHeads(const json::Value &value, SettingSource source) {
  headCounts = {{{}, readPositive(value)}, source};
  if (headCounts.value.ofAll)
    return true;
  const json::Object *widths = value.getAsObject();
  if (!widths)
    return false;
  for (const auto &[key, heads] : *widths) {
    int64_t width;
    std::optional<int64_t> number = readPositive(heads);
    if (StringRef(key).getAsInteger(10, width) || !number)
      return false;
    headCounts.value.ofWidths.emplace_back(width, *number);
  }
  return true;
}

bool Settings::assignImage(const json::Value &value, SettingSource source) {
  std::optional<std::vector<int64_t>> sizes = readArray<int64_t>(value, readPositive);
  if (std::optional<int64_t> side = readPositive(value))
    sizes = {*side};
  if (sizes && sizes->size() == 1)
    sizes->push_back(sizes->front());
  return sizes && sizes->size() == 2 && assignIfAny(std::move(sizes), source, image);
}

bool Settings::assignInterpolation(const json::Value &value, SettingSource source) {
  std::optional<StringRef> text = value.getAsString();
  return text && assignIfAny(symbolizePictureFilter(*text), source, interpolation);
}

bool Settings::assignMean(const json::Value &value, SettingSource source) {
  std::optional<std::vector<float>> values = readArray<float>(value, readFinite);
  return values && all_of(*values, [](float number) { return number >= 0 && number <= 1; }) &&
         assignIfAny(std::move(values), source, mean);
}

bool Settings::assignName(const json::Value &value, SettingSource) {
  std::optional<StringRef> text = value.getAsString();
  if (!text || text->empty())
    return false;
  name = text->str();
  return true;
}

bool Settings::assignNorm(const json::Value &value, SettingSource source) {
  std::optional<StringRef> text = value.getAsString();
  return text && assignIfAny(symbolize(kNormKinds, *text), source, norm);
}

bool Settings::assignPool(const json::Value &value, SettingSource source) {
  // The others need layers that only some layouts have.
  std::optional<StringRef> text = value.getAsString();
  return text && is_contained({"auto", "class", "mean"}, *text) && assignIfAny(symbolizePool(*text), source, pool);
}

bool Settings::assignResize(const json::Value &value, SettingSource source) {
  // On the command line, every value is a list.
  if (const json::Array *array = value.getAsArray(); array && array->size() == 1)
    return assignResize(array->front(), source);
  Resize read;
  if (const json::Object *object = value.getAsObject()) {
    read.cropFraction = object->size() == 1 ? object->getNumber("crop_fraction") : std::nullopt;
    if (!(read.cropFraction.value_or(0) > 0 && *read.cropFraction <= 1))
      return false;
  } else if (std::optional<int64_t> side = readPositive(value)) {
    read.size = {*side};
  } else if (std::optional<std::vector<int64_t>> sizes = readArray<int64_t>(value, readPositive)) {
    read.size = std::move(*sizes);
    if (read.size.size() != 2)
      return false;
  } else if (value.getAsString() != StringRef("image")) {
    return false;
  }
  resize = {std::move(read), source};
  return true;
}

bool Settings::assignStd(const json::Value &value, SettingSource source) {
  std::optional<std::vector<float>> values = readArray<float>(value, readFinite);
  return values && all_of(*values, [](float number) { return number > 0 && number <= 1; }) &&
         assignIfAny(std::move(values), source, std);
}

Expected<const Settings::Setting *> Settings::find(StringRef key, StringRef where) {
  for (const Setting &setting : kSettings)
    if (setting.name == key)
      return &setting;
  auto names = map_range(kSettings, [](const Setting &setting) { return setting.name; });
  return makeError("expected a setting among '{0}', found '{1}' ({2})", join(names, "', '"), key, where);
}

Error Settings::assign(StringRef key, const json::Value &value, SettingSource source, StringRef where) {
  Expected<const Setting *> setting = find(key, where);
  if (!setting)
    return setting.takeError();
  if ((this->*(*setting)->assign)(value, source))
    return Error::success();
  return makeError("expected setting '{0}' to be {1}, found {2} ({3})", key, (*setting)->expected, value, where);
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

/// `text` as JSON, or as a text if it is not JSON.
static json::Value readElement(StringRef text) {
  Expected<json::Value> parsed = parseJson(text);
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
                                   ArrayRef<std::string> assignments, const json::Object &config) {
  Settings settings;
  for (const auto &[key, value] : defaults)
    if (Error error = settings.assign(key, value, SettingSource::layout, "the layout's defaults"))
      return std::move(error);
  for (const auto &[key, value] : config)
    if (Error error = settings.assign(key, value, SettingSource::config, "the configuration in the model's folder"))
      return std::move(error);
  for (const auto &[key, value] : file)
    if (Error error = settings.assign(key, value, SettingSource::file, "the file's 'vitya' entry"))
      return std::move(error);
  for (StringRef assignment : assignments) {
    auto [key, text] = assignment.split('=');
    if (!assignment.contains('='))
      return makeError("expected a setting as KEY=VALUE, found '{0}'", assignment);
    std::string where = "--set " + assignment.str();
    Expected<const Setting *> setting = find(key, where);
    if (!setting)
      return setting.takeError();
    json::Value value = readAssignment((*setting)->form, text);
    if (Error error = settings.assign(key, value, SettingSource::option, where))
      return std::move(error);
  }
  return settings;
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

Expected<Sourced<int64_t>> Settings::heads(int64_t width, StringRef layer) const {
  std::optional<int64_t> heads = headCounts.value.ofAll;
  for (auto [known, number] : headCounts.value.ofWidths)
    if (known == width)
      heads = number;
  if (!heads)
    return makeError("expected the number of heads of a model of width {0}, found none in the file and in the layout: "
                     "give it with --set heads=N",
                     width);
  if (width % *heads != 0)
    return makeError("expected heads that divide the width of '{0}', found {1} heads and width {2}", layer, *heads,
                     width);
  return Sourced<int64_t>{*heads, headCounts.source};
}

Expected<Sourced<double>> Settings::eps() const {
  if (!epsilon.value)
    return makeError("expected the eps of norms, found none in the file and in the layout: give it with --set "
                     "eps=NUMBER");
  return Sourced<double>{*epsilon.value, epsilon.source};
}

} // namespace vitya
