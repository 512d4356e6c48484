// Decodes images with stb_image, which is compiled here without unused formats and functions.
#include "runtime/image/Decode.h"
#include "runtime/files/MappedFile.h"
#include "runtime/image/Pnm.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_NO_THREAD_LOCALS
#if defined(__clang__) || defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wsign-compare"
#endif
// Version 2.27 shifts by 32 if a JPEG file ends within a code, whose bits are not used, and calls memcpy with a null
// pointer and a size of zero. The sanitizer checks of both are disabled.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((no_sanitize("shift", "nonnull-attribute"))), apply_to = function)
#endif
#include <stb/stb_image.h>
#if defined(__clang__)
#pragma clang attribute pop
#endif
#pragma GCC diagnostic pop

namespace vitya {

namespace {

/// Returns whether every Huffman table of a JPEG file has at most 256 codes. stb_image 2.27 writes out of bounds if one
/// has more. This function steps through the segments in the same way as stb_image.
bool huffmanTablesFit(const uint8_t *bytes, int64_t size) {
  auto byte = [&](int64_t at) { return at < size ? bytes[at] : 0; };
  for (int64_t at = 0; at < size;) {
    // Skip padding, entropy-coded data and its restart markers between segments.
    int marker = byte(at + 1);
    if (byte(at) != 0xFF || marker == 0xFF) {
      ++at;
      continue;
    }
    at += 2;
    constexpr int kTables = 0xC4, kFirstRestart = 0xD0, kStart = 0xD8, kEnd = 0xD9;
    if (marker == kEnd)
      return true;
    if (marker == 0 || (marker >= kFirstRestart && marker <= kStart))
      continue;
    int64_t length = byte(at) << 8 | byte(at + 1), end = at + length;
    for (int64_t table = at + 2; marker == kTables && table < end;) {
      int codes = 0;
      for (int i = 1; i <= 16; ++i)
        codes += byte(table + i);
      if (codes > 256)
        return false;
      table += 17 + codes;
    }
    at = length < 2 ? at + 2 : end;
  }
  return true;
}

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

/// Decodes a PNG, JPEG or BMP file with stb_image, after checking its header.
bool decodeWithStb(const uint8_t *bytes, int64_t size, Image &image, char *error, size_t errorSize) {
  int width = 0, height = 0, channels = 0;
  if (!stbi_info_from_memory(bytes, static_cast<int>(size), &width, &height, &channels)) {
    snprintf(error, errorSize, "a file of another or of a damaged format, or too large an image");
    return false;
  }
  // The height of a BMP file is negative if its first row is the top one. INT_MIN stays negative and is rejected.
  bool isBmp = bytes[0] == 'B';
  if (isBmp && height < 0 && height != INT_MIN)
    height = -height;
  if (width < 1 || height < 1) {
    snprintf(error, errorSize, "an image without pixels");
    return false;
  }
  if (width > kMaxImageSide || height > kMaxImageSide) {
    snprintf(error, errorSize, "%d x %d pixels, more than %lld a side", width, height,
             static_cast<long long>(kMaxImageSide));
    return false;
  }
  // A pixel of a PNG file has at least one bit, which deflate compresses at most 1032 times; a JPEG file has at least
  // one bit for each unit of at most 32 x 32 pixels. A header that claims more pixels is rejected here, because
  // decoding such a file would take seconds before it fails.
  constexpr int64_t kMaxPixelsPerByte = 8 * 1032;
  if (static_cast<int64_t>(width) * height / kMaxPixelsPerByte > size) {
    snprintf(error, errorSize, "%d x %d pixels, more than %lld bytes can hold", width, height,
             static_cast<long long>(size));
    return false;
  }
  if (isBmp && !bmpIsWhole(bytes, size, width, height)) {
    snprintf(error, errorSize, "a BMP file that ends within its pixels");
    return false;
  }
  image.pixels = stbi_load_from_memory(bytes, static_cast<int>(size), &width, &height, &channels, 3);
  image.width = width;
  image.height = height;
  if (!image.pixels) {
    const char *reason = stbi_failure_reason();
    snprintf(error, errorSize, "a damaged image%s%s", *reason ? ": " : "", reason);
  }
  return image.pixels;
}

} // namespace

bool decodeImage(const uint8_t *bytes, int64_t size, Image &image, char *error, size_t errorSize) {
  if (size == 0) {
    snprintf(error, errorSize, "an empty file");
    return false;
  }
  if (size > kMaxImageFileBytes) {
    snprintf(error, errorSize, "a file of more than 256 MiB");
    return false;
  }
  if (bytes[0] == 0xFF && !huffmanTablesFit(bytes, size)) {
    snprintf(error, errorSize, "a JPEG file with a table of more than 256 codes");
    return false;
  }
  if (isPnm(bytes, size)) {
    const char *found = decodePnm(bytes, size, image);
    if (found)
      snprintf(error, errorSize, "%s", found);
    return !found;
  }
  return decodeWithStb(bytes, size, image, error, errorSize);
}

bool readImage(const char *path, Image &image, char *error, size_t errorSize) {
  auto refuse = [&](const char *found) {
    snprintf(error, errorSize, "expected a PNG, JPEG, BMP or PPM image at '%s', found: %s", path, found);
    return false;
  };
  MappedFile file;
  if (const char *found = mapFile(path, file))
    return refuse(found);
  char reason[256];
  bool decoded = decodeImage(file.data, file.size, image, reason, sizeof(reason));
  unmapFile(file);
  return decoded || refuse(reason);
}

void freeImage(Image &image) {
  stbi_image_free(image.pixels);
  image = Image();
}

} // namespace vitya
