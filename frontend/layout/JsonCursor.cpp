// llvm::json keeps no positions, so an error finds its own by walking the text again along the cursor's path. The text
// has been parsed before, hence is well-formed.
#include "frontend/layout/JsonCursor.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace vitya {

namespace {

/// Moves over well-formed JSON.
struct Scanner {
  StringRef text;
  size_t position = 0;

  char peek() const { return position < text.size() ? text[position] : '\0'; }

  void skipSpace() {
    while (position < text.size() && isSpace(text[position]))
      ++position;
  }

  /// The string that begins here, quotes and escapes included.
  StringRef skipString() {
    size_t begin = position++;
    while (position < text.size() && text[position] != '"')
      position += text[position] == '\\' ? 2 : 1;
    position = std::min(position + 1, text.size());
    return text.slice(begin, position);
  }

  void skipValue() {
    unsigned depth = 0;
    do {
      skipSpace();
      if (peek() == '"') {
        skipString();
      } else if (StringRef("{[").contains(peek())) {
        ++depth, ++position;
      } else if (StringRef("}]").contains(peek())) {
        --depth, ++position;
      } else if (StringRef(",:").contains(peek())) {
        ++position;
      } else {
        position = std::min(text.find_first_of(",:]} \t\r\n", position), text.size());
      }
      skipSpace();
    } while (depth > 0 && position < text.size());
  }

  /// Moves from the start of an object to the value of `key`, or of an array to element `index`.
  void enter(const std::variant<std::string, size_t> &element) {
    ++position;
    for (size_t index = 0; position < text.size(); ++index) {
      skipSpace();
      if (const std::string *key = std::get_if<std::string>(&element)) {
        Expected<json::Value> name = json::parse(skipString());
        skipSpace();
        ++position; // the colon
        skipSpace();
        bool found = name && name->getAsString() == StringRef(*key);
        consumeError(name.takeError());
        if (found)
          return;
      } else if (index == std::get<size_t>(element)) {
        return;
      }
      skipValue();
      ++position; // the comma
    }
  }
};

} // namespace

std::string JsonCursor::where() const {
  Scanner scanner{text};
  scanner.skipSpace();
  std::string key;
  for (const PathElement &element : path) {
    scanner.enter(element);
    if (const std::string *name = std::get_if<std::string>(&element))
      key += (key.empty() ? "" : ".") + *name;
    else
      key += formatv("[{0}]", std::get<size_t>(element)).str();
  }
  StringRef before = text.take_front(scanner.position);
  size_t lineBegin = before.rfind('\n') + 1; // 0 where there is none
  return formatv("{0}:{1}:{2}{3}", file, before.count('\n') + 1, before.size() - lineBegin + 1,
                 key.empty() ? "" : ": key '" + key + "'");
}

Error JsonCursor::error(const Twine &expected) const {
  constexpr size_t shown = 40;
  std::string found = formatv("{0}", *current);
  if (found.size() > shown)
    found = found.substr(0, shown) + "...";
  return makeError("{0}: expected {1}, found {2}", where(), expected.str(), found);
}

JsonCursor JsonCursor::descend(PathElement element, const json::Value &value) const {
  JsonCursor child = *this;
  child.current = &value;
  child.path.push_back(std::move(element));
  return child;
}

Expected<StringRef> JsonCursor::string() const {
  if (std::optional<StringRef> text = current->getAsString())
    return *text;
  return error("a string");
}

Expected<std::vector<JsonCursor>> JsonCursor::elements() const {
  const json::Array *array = current->getAsArray();
  if (!array)
    return error("an array");
  std::vector<JsonCursor> children;
  for (auto [index, value] : enumerate(*array))
    children.push_back(descend(index, value));
  return children;
}

Error JsonCursor::checkObject(ArrayRef<StringRef> known) const {
  const json::Object *object = current->getAsObject();
  if (!object)
    return error("an object");
  for (const auto &[key, value] : *object)
    if (!llvm::is_contained(known, StringRef(key)))
      return descend(key.str(), value)
          .error("one of the keys '" + llvm::join(known, "', '") + "' instead of '" + StringRef(key) + "'");
  return Error::success();
}

std::optional<JsonCursor> JsonCursor::member(StringRef key) const {
  const json::Object *object = current->getAsObject();
  const json::Value *value = object ? object->get(key) : nullptr;
  return value ? std::optional(descend(key.str(), *value)) : std::nullopt;
}

Expected<JsonCursor> JsonCursor::required(StringRef key) const {
  if (std::optional<JsonCursor> child = member(key))
    return *child;
  return error("an object with key '" + key + "'");
}

} // namespace vitya
