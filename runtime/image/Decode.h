// Decoding of image files.
#ifndef VITYA_RUNTIME_IMAGE_DECODE_H
#define VITYA_RUNTIME_IMAGE_DECODE_H

#include <stddef.h>
#include <stdint.h>

namespace vitya {

/// Images larger than this, in bytes on disk or in pixels a side, are refused.
inline constexpr int64_t kMaxImageFileBytes = 256 << 20;
inline constexpr int64_t kMaxImageSide = 16384;

/// Decoded pixels, u8 [height, width, 3].
struct Image {
  uint8_t *pixels = nullptr;
  int64_t height = 0, width = 0;
};

/// Decodes `size` bytes of a PNG, JPEG, BMP or PNM (PGM, PPM) file; grey becomes RGB, alpha is dropped. Returns false
/// with a few words in `error` that say what is wrong with them.
bool decodeImage(const uint8_t *bytes, int64_t size, Image &image, char *error, size_t errorSize);

/// Reads and decodes the file at `path`. Returns false with one line in `error` that names it.
bool readImage(const char *path, Image &image, char *error, size_t errorSize);

void freeImage(Image &image);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_DECODE_H
