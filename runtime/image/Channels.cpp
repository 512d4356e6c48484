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
      to[0] = luma(from[0], from[1], from[2]);
      continue;
    }
    for (int i = 0; i < 3; ++i)
      to[i] = from[i];
    if (toChannels == 4)
      to[3] = 255;
  }
}

} // namespace vitya
