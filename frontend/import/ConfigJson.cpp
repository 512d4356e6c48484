// Every kind of value has one reader; a reader of an absent value succeeds and leaves its target empty.
#include "frontend/import/ConfigJson.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace vitya {

Expected<ConfigJson> ConfigJson::parse(MemoryBufferRef file) {
  Expected<JsonFile> parsed = JsonFile::parse(file.getBufferIdentifier(), file.getBuffer());
  if (!parsed)
    return parsed.takeError();
  if (!parsed->value().getAsObject())
    return makeError("{0}: expected an object, found another value", file.getBufferIdentifier());
  return ConfigJson(file.getBufferIdentifier(), std::move(*parsed));
}

const json::Value *ConfigJson::find(StringRef path) const {
  const json::Value *value = &file.value();
  while (!path.empty()) {
    auto [key, rest] = path.drop_front().split('.');
    const json::Object *object = value->getAsObject();
    value = object ? object->get(key) : nullptr;
    if (!value || value->getAsNull())
      return nullptr;
    path = path.take_back(rest.empty() ? 0 : rest.size() + 1);
  }
  return value;
}

Error ConfigJson::error(StringRef path, const Twine &expected) const {
  constexpr size_t shown = 40;
  std::string found = formatv("{0}", *find(path)).str();
  if (found.size() > shown)
    found = found.substr(0, shown) + "...";
  return makeError("{0}: expected {1}, found {2}", locate(path), expected.str(), found);
}

static std::optional<int64_t> readSize(const json::Value &value) {
  constexpr int64_t max = 1 << 20;
  std::optional<int64_t> number = value.getAsInteger();
  return number && *number > 0 && *number <= max ? number : std::nullopt;
}

Error ConfigJson::read(StringRef path, std::optional<bool> &into) const {
  const json::Value *value = find(path);
  if (!value)
    return Error::success();
  into = value->getAsBoolean();
  return into ? Error::success() : error(path, "true or false");
}

Error ConfigJson::read(StringRef path, std::optional<int64_t> &into) const {
  const json::Value *value = find(path);
  if (!value)
    return Error::success();
  into = readSize(*value);
  return into ? Error::success() : error(path, "a positive number");
}

Error ConfigJson::read(StringRef path, std::optional<double> &into) const {
  const json::Value *value = find(path);
  if (!value)
    return Error::success();
  into = value->getAsNumber();
  return into ? Error::success() : error(path, "a number");
}

Error ConfigJson::read(StringRef path, std::optional<StringRef> &into) const {
  const json::Value *value = find(path);
  if (!value)
    return Error::success();
  into = value->getAsString();
  return into ? Error::success() : error(path, "a text");
}

Error ConfigJson::read(StringRef path, std::optional<std::vector<double>> &into) const {
  const json::Value *value = find(path);
  if (!value)
    return Error::success();
  std::vector<double> numbers;
  if (std::optional<double> number = value->getAsNumber())
    numbers.push_back(*number);
  const json::Array *array = value->getAsArray();
  for (const json::Value &item : array ? ArrayRef<json::Value>(array->data(), array->size()) : ArrayRef<json::Value>())
    if (std::optional<double> number = item.getAsNumber())
      numbers.push_back(*number);
  if (numbers.empty() || (array && numbers.size() != array->size()))
    return error(path, "a number for each channel");
  into = std::move(numbers);
  return Error::success();
}

Error ConfigJson::read(StringRef path, std::optional<ImageSize> &into) const {
  const json::Value *value = find(path);
  if (!value)
    return Error::success();
  std::optional<int64_t> height = readSize(*value), width = height;
  if (const json::Array *array = value->getAsArray(); array && array->size() == 2) {
    height = readSize((*array)[0]);
    width = readSize((*array)[1]);
  }
  if (const json::Object *object = value->getAsObject(); object && object->get("height") && object->get("width")) {
    height = readSize(*object->get("height"));
    width = readSize(*object->get("width"));
  }
  if (!height || !width)
    return error(path, "a size, as a number, as [HEIGHT, WIDTH] or as {\"height\": HEIGHT, \"width\": WIDTH}");
  into = {*height, *width};
  return Error::success();
}

} // namespace vitya
