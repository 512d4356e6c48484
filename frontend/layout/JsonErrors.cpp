// Positions are found by scanning the text again along the path of the error. The text has been parsed before, so it is
// well-formed.
#include "frontend/layout/JsonErrors.h"
#include "dialect/support/Errors.h"
#include "dialect/support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace vitya {

namespace {

/// A position in well-formed JSON.
class Scanner {
public:
  explicit Scanner(StringRef text) : text(text) { skipSpace(); }

  size_t offset() const { return position; }

  /// Moves from the start of a value to the member or element that `path` begins with, and drops it from `path`. Stays
  /// in place and returns false if there is none.
  bool enter(StringRef &path) {
    bool isObject = peek() == '{';
    if (!isObject && peek() != '[')
      return false;
    size_t begin = position;
    advance();
    for (size_t index = 0; peek() != '\0' && peek() != '}' && peek() != ']'; ++index) {
      std::string segment = isObject ? "." + takeKey() : formatv("[{0}]", index).str();
      StringRef rest = path;
      if (rest.consume_front(segment) && (rest.empty() || rest.front() == '.' || rest.front() == '[')) {
        path = rest;
        return true;
      }
      takeValue();
      if (peek() == ',')
        advance();
    }
    position = begin;
    return false;
  }

  /// Moves past a value and returns its text.
  StringRef takeValue() {
    size_t begin = position, end = begin;
    unsigned depth = 0;
    do {
      if (peek() == '"')
        skipString();
      else if (peek() == '{' || peek() == '[')
        ++depth, ++position;
      else if (peek() == '}' || peek() == ']')
        --depth, ++position;
      else if (peek() == ',' || peek() == ':')
        ++position;
      else
        position = std::min(text.find_first_of(",:]} \t\r\n", position), text.size());
      end = position;
      skipSpace();
    } while (depth > 0 && position < text.size());
    return text.slice(begin, end);
  }

private:
  char peek() const { return position < text.size() ? text[position] : '\0'; }

  void skipSpace() {
    while (position < text.size() && isSpace(text[position]))
      ++position;
  }

  void advance() {
    ++position;
    skipSpace();
  }

  void skipString() {
    ++position;
    while (position < text.size() && text[position] != '"')
      position += text[position] == '\\' ? 2 : 1;
    position = std::min(position + 1, text.size());
  }

  /// Moves from a key to its value and returns the key.
  std::string takeKey() {
    size_t begin = position;
    skipString();
    Expected<json::Value> key = json::parse(text.slice(begin, position));
    skipSpace();
    advance(); // past the colon
    if (!key) {
      consumeError(key.takeError());
      return "";
    }
    return key->getAsString().value_or("").str();
  }

  StringRef text;
  size_t position = 0;
};

} // namespace

Expected<JsonFile> JsonFile::parse(StringRef name, StringRef text) {
  Expected<json::Value> root = parseJson(text);
  if (root)
    return JsonFile(name, text, std::move(*root));
  // The message begins with "[line:column, byte=n]: ".
  std::string message = toString(root.takeError());
  auto [position, reason] = StringRef(message).split("]: ");
  return makeError("{0}:{1}: expected JSON, found: {2}", name, position.drop_front().split(',').first, reason);
}

std::string JsonFile::locate(StringRef path) const {
  Scanner scanner(text);
  StringRef key = path;
  while (!path.empty() && scanner.enter(path))
    ;
  key.consume_front(".");
  StringRef before = text.take_front(scanner.offset());
  size_t lineBegin = before.rfind('\n') + 1; // 0 on the first line
  return formatv("{0}:{1}:{2}{3}", name, before.count('\n') + 1, before.size() - lineBegin + 1,
                 key.empty() ? "" : ": key '" + key.str() + "'");
}

Error JsonFile::error(const json::Path::Root &root) const {
  std::string text = toString(root.getError());
  auto [message, path] = StringRef(text).split(" at $");
  message.consume_back(" when parsing $"); // an error of the root itself
  Scanner scanner(this->text);
  StringRef rest = path;
  while (!rest.empty() && scanner.enter(rest))
    ;
  if (message == "missing value") // of json::ObjectMapper
    message = "expected a value";
  constexpr size_t shown = 40;
  std::string found = rest.empty() ? formatv("{0}", cantFail(json::parse(scanner.takeValue()))).str() : "none";
  if (found.size() > shown)
    found = found.substr(0, shown) + "...";
  return makeError("{0}: {1}, found {2}", locate(path), message, found);
}

bool checkKeys(const json::Value &value, ArrayRef<StringLiteral> known, StringLiteral message, json::Path path) {
  if (const json::Object *object = value.getAsObject())
    for (const auto &[key, member] : *object)
      if (!is_contained(known, StringRef(key))) {
        path.field(key).report(message);
        return false;
      }
  return true;
}

} // namespace vitya
