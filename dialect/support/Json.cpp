// Brackets are counted before the text is parsed. In text that is not well-formed the count may be wrong, but never
// less than the depth of the parser at the first error.
#include "dialect/support/Json.h"

using namespace llvm;

namespace vitya {

Expected<json::Value> parseJson(StringRef text) {
  constexpr unsigned maxDepth = 256;
  unsigned depth = 0, line = 1;
  size_t lineBegin = 0;
  bool isInString = false;
  for (size_t position = 0; position < text.size(); ++position) {
    char letter = text[position];
    if (isInString) {
      position += letter == '\\';
      isInString = letter != '"';
    } else if (letter == '"') {
      isInString = true;
    } else if (letter == '[' || letter == '{') {
      if (++depth > maxDepth)
        return make_error<json::ParseError>("Values are nested too deeply", line, position - lineBegin, position);
    } else if (letter == ']' || letter == '}') {
      depth -= depth > 0;
    } else if (letter == '\n') {
      ++line;
      lineBegin = position + 1;
    }
  }
  return json::parse(text);
}

} // namespace vitya
