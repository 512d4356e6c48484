// Decodes BMP files with stb_image, which is compiled here without unused formats and functions.
#include "runtime/image/Formats.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_ONLY_BMP
#define STBI_NO_THREAD_LOCALS
#if defined(__clang__) || defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wsign-compare"
#endif
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace vitya {
namespace {

/// Returns whether a BMP file with a valid header contains all its pixels. stb_image would decode missing pixels as
/// black.
bool bmpIsWhole(const uint8_t *bytes, int64_t size, int64_t width, int64_t height) {
  auto readInteger = [&](int at, int count) {
    int64_t value = 0;
    for (int i = count - 1; i >= 0; --i)
      value = value << 8 | (at + i < size ? bytes[at + i] : 0);
    return value;
  };
  constexpr int64_t kOldHeader = 12;
  int64_t bits = readInteger(readInteger(14, 4) == kOldHeader ? 24 : 28, 2), row = (width * bits + 31) / 32 * 4;
  return readInteger(10, 4) + row * (height - 1) + (width * bits + 7) / 8 <= size;
}

} // namespace

bool decodeBmp(const uint8_t *bytes, int64_t size, Image &image, char *error, size_t errorSize) {
  int width = 0, height = 0, channels = 0, length = static_cast<int>(size);
  if (!stbi_info_from_memory(bytes, length, &width, &height, &channels)) {
    snprintf(error, errorSize, "a BMP file with a header that is damaged or of an unsupported kind");
    return false;
  }
  // The height of a BMP file is negative if its first row is the top one. INT_MIN stays negative and is rejected.
  if (height < 0 && height != INT_MIN)
    height = -height;
  if (!checkImageSize(width, height, size, error, errorSize))
    return false;
  if (!bmpIsWhole(bytes, size, width, height)) {
    snprintf(error, errorSize, "a BMP file that ends within its pixels");
    return false;
  }
  image.pixels = stbi_load_from_memory(bytes, length, &width, &height, nullptr, channels);
  if (!image.pixels) {
    snprintf(error, errorSize, "a damaged BMP file: %s", stbi_failure_reason());
    return false;
  }
  image.height = height;
  image.width = width;
  image.channels = channels;
  return true;
}

} // namespace vitya
