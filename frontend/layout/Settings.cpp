// Merges settings from their three sources, the weakest first. Every value goes through `assign`, which knows what
// each setting must be.
#include "frontend/layout/Settings.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace llvm;

namespace vitya {

static constexpr StringRef kSettingNames[] = {"classes", "eps",  "gelu", "heads", "image",
                                              "mean",    "name", "pool", "std"};

ArrayRef<StringRef> settingNames() { return kSettingNames; }

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// All of an array's values through `read`, which gives an optional; nothing where one fails.
template <typename Element, typename Read>
static std::optional<std::vector<Element>> readArray(const json::Value &value, Read read) {
  const json::Array *array = value.getAsArray();
  if (!array)
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

static std::optional<float> readFinite(const json::Value &value) {
  std::optional<double> number = value.getAsNumber();
  return number && std::isfinite(static_cast<float>(*number)) ? std::optional(static_cast<float>(*number))
                                                              : std::nullopt;
}

static std::optional<int64_t> readPositive(const json::Value &value) {
  std::optional<int64_t> number = value.getAsInteger();
  return number && *number > 0 && *number <= (1 << 20) ? number : std::nullopt;
}

Error Settings::assign(StringRef key, const json::Value &value, StringRef source) {
  auto expect = [&](const Twine &what) {
    return makeError("expected setting '{0}' to be {1}, found {2} ({3})", key, what.str(), value, source);
  };
  if (key == "name") {
    std::optional<StringRef> text = value.getAsString();
    if (!text || text->empty())
      return expect("a text");
    name = text->str();
  } else if (key == "heads") {
    headsOfAll = readPositive(value);
    headsOfWidths.clear();
    if (headsOfAll)
      return Error::success();
    const json::Object *widths = value.getAsObject();
    if (!widths)
      return expect("a positive number");
    for (const auto &[width, heads] : *widths) {
      int64_t number;
      std::optional<int64_t> positive = readPositive(heads);
      if (StringRef(width).getAsInteger(10, number) || !positive)
        return expect("a positive number for each width");
      headsOfWidths.emplace_back(number, *positive);
    }
  } else if (key == "eps") {
    std::optional<float> number = readFinite(value);
    if (!number || *number < 0)
      return expect("a finite number that is not negative");
    epsilon = value.getAsNumber();
  } else if (key == "mean" || key == "std") {
    auto numbers = readArray<float>(value, readFinite);
    bool isStd = key == "std";
    if (!numbers || numbers->empty() || (isStd && any_of(*numbers, [](float number) { return number <= 0; })))
      return expect(isStd ? "a positive number for each channel" : "a number for each channel");
    (isStd ? std : mean) = std::move(*numbers);
  } else if (key == "classes") {
    auto names = readArray<std::string>(value, [](const json::Value &item) { return item.getAsString(); });
    if (!names || names->empty())
      return expect("a text for each class");
    classes = std::move(*names);
  } else if (key == "image") {
    auto sizes = readArray<int64_t>(value, readPositive);
    if (std::optional<int64_t> side = readPositive(value))
      sizes = {*side, *side};
    if (!sizes || sizes->size() != 2)
      return expect("the height and the width of the image, or one size for both");
    image = std::move(*sizes);
  } else if (key == "gelu") {
    std::optional<StringRef> text = value.getAsString();
    std::optional<GeluForm> form = text ? symbolizeGeluForm(*text) : std::nullopt;
    if (!form)
      return expect("'erf' or 'tanh'");
    gelu = *form;
  } else if (key == "pool") {
    std::optional<StringRef> text = value.getAsString();
    std::optional<Pool> form = text ? symbolizePool(*text) : std::nullopt;
    if (!form)
      return expect("'auto', 'class' or 'mean'");
    pool = *form;
  } else {
    return makeError("expected a setting among '{0}', found '{1}' ({2})", join(settingNames(), "', '"), key, source);
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

/// The value of an assignment for `key`: text where the setting is one, else JSON, else comma-separated.
static json::Value readAssignment(StringRef key, StringRef text) {
  if (is_contained({"name", "gelu", "pool"}, key))
    return text;
  Expected<json::Value> parsed = json::parse(text);
  bool list = is_contained({"mean", "std", "classes", "image"}, key);
  if (parsed && (!list || parsed->getAsArray()))
    return std::move(*parsed);
  consumeError(parsed.takeError());
  if (!list)
    return text;
  json::Array array;
  for (StringRef item : split(text, ',')) {
    Expected<json::Value> number = json::parse(item);
    if (key != "classes" && number)
      array.push_back(std::move(*number));
    else
      array.push_back(item.trim());
    consumeError(number.takeError());
  }
  // One size stands for both sides of an image.
  return key == "image" && array.size() == 1 ? json::Value(array[0]) : json::Value(std::move(array));
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
    if (Error error = settings.assign(key, readAssignment(key, text), "--set " + assignment.str()))
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
