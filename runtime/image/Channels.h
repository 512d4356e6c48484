// Converts pixels to another number of channels.
#ifndef VITYA_RUNTIME_IMAGE_CHANNELS_H
#define VITYA_RUNTIME_IMAGE_CHANNELS_H

#include <stdint.h>

namespace vitya {

inline constexpr int64_t kMaxConvertedChannels = 4;

/// The luma of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, computed and rounded as Pillow's convert("L").
inline uint8_t luma(uint8_t red, uint8_t green, uint8_t blue) {
  // The weights are multiplied by 65536, and their sum is 65536.
  return static_cast<uint8_t>((red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16);
}

/// Returns whether pixels can be converted: their channels are equal in number, or RGB or RGBA becomes grey (1
/// channel), RGB or RGBA.
bool canConvertChannels(int64_t from, int64_t to);

/// Converts `count` pixels, u8 [count, fromChannels], to `to`, u8 [count, toChannels]. Grey is the luma.
/// Alpha is dropped, or 255 where there is none. The result may replace its source if it has no more channels.
void convertChannels(const uint8_t *from, int64_t fromChannels, uint8_t *to, int64_t toChannels, int64_t count);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_CHANNELS_H
