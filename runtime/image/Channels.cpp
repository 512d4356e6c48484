// Converts pixels to another number of channels.
#include "runtime/image/Channels.h"
#include <string.h>

namespace vitya {

bool canConvertChannels(int64_t from, int64_t to) {
  auto isColour = [](int64_t channels) { return channels == 3 || channels == 4; };
  return from == to || (isColour(from) && (to == 1 || isColour(to)));
}

void convertChannels(const uint8_t *from, int64_t fromChannels, uint8_t *to, int64_t toChannels, int64_t count) {
  if (fromChannels == toChannels) {
    memmove(to, from, count * toChannels);
    return;
  }
  for (; count > 0; --count, from += fromChannels, to += toChannels) {
    if (toChannels == 1) {
      // The weights are multiplied by 65536, and their sum is 65536.
      to[0] = static_cast<uint8_t>((from[0] * 19595 + from[1] * 38470 + from[2] * 7471 + 32768) >> 16);
      continue;
    }
    for (int i = 0; i < 3; ++i)
      to[i] = from[i];
    if (toChannels == 4)
      to[3] = 255;
  }
}

} // namespace vitya
