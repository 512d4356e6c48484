// Decodes image files.
#ifndef VITYA_RUNTIME_IMAGE_DECODE_H
#define VITYA_RUNTIME_IMAGE_DECODE_H

#include <stddef.h>
#include <stdint.h>

namespace vitya {

/// The maximum size of an image file, and the maximum height and width of an image in pixels.
inline constexpr int64_t kMaxImageFileBytes = 256 << 20;
inline constexpr int64_t kMaxImageSide = 16384;

/// Decoded pixels, u8 [height, width, channels].
struct Image {
  uint8_t *pixels = nullptr;
  int64_t height = 0, width = 0, channels = 0;
};

/// Decodes the `size` bytes of a PNG, JPEG, BMP or PNM (PGM, PPM) file to RGB, or to RGBA if the file has alpha. An
/// .npy file of one image (see ImageFile.h) keeps its channels. On failure, returns false and writes a phrase to
/// `error` that describes the defect.
bool decodeImage(const uint8_t *bytes, int64_t size, Image &image, char *error, size_t errorSize);

/// Reads and decodes the file at `path` and converts its pixels to `channels` channels (see convertChannels). On
/// failure, returns false and writes one line to `error` that names the file.
bool readImage(const char *path, int64_t channels, Image &image, char *error, size_t errorSize);

void freeImage(Image &image);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_DECODE_H
