// Text of errors.
#include "frontend/checkpoint/MakeError.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

std::string vitya::escapeControls(StringRef text) {
  std::string result;
  for (char letter : text) {
    auto code = static_cast<unsigned char>(letter);
    constexpr unsigned char space = 0x20, del = 0x7f;
    if (code >= space && code != del)
      result += letter;
    else
      result += {'\\', hexdigit(code >> 4), hexdigit(code & 15)};
  }
  return result;
}

Error vitya::prefixError(const Twine &prefix, Error error) {
  return createStringError(prefix + ": " + toString(std::move(error)));
}
