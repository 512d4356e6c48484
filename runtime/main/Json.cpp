// Prints strings in JSON.
#include "runtime/main/Commands.h"
#include <stdio.h>

namespace vitya {
namespace {

/// Returns the number of bytes of the UTF-8 character at `text`, which ends with 0, or 0 if it is invalid: truncated,
/// longer than necessary, a surrogate, or above U+10FFFF.
int characterBytes(const unsigned char *text) {
  if (text[0] < 0x80)
    return 1;
  int bytes = text[0] >= 0xF0 ? 4 : text[0] >= 0xE0 ? 3 : 2;
  unsigned value = text[0] & (0xFF >> (bytes + 1));
  for (int i = 1; i < bytes; ++i) {
    if ((text[i] & 0xC0) != 0x80)
      return 0;
    value = value << 6 | (text[i] & 0x3F);
  }
  constexpr unsigned kSmallest[] = {0x80, 0x800, 0x10000};
  bool isSurrogate = value >= 0xD800 && value < 0xE000;
  bool isValid =
      text[0] >= 0xC0 && text[0] < 0xF8 && value >= kSmallest[bytes - 2] && value <= 0x10FFFF && !isSurrogate;
  return isValid ? bytes : 0;
}

} // namespace

void printJsonString(const char *text, FILE *file) {
  putc('"', file);
  for (auto *c = reinterpret_cast<const unsigned char *>(text); *c;) {
    int bytes = characterBytes(c);
    if (bytes == 0)
      fputs("\\ufffd", file);
    else if (*c == '"' || *c == '\\')
      fprintf(file, "\\%c", *c);
    else if (*c < 0x20)
      fprintf(file, "\\u%04x", *c);
    else
      fwrite(c, 1, bytes, file);
    c += bytes ? bytes : 1;
  }
  putc('"', file);
}

} // namespace vitya
