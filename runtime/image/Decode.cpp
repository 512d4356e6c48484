// Decoding through stb_image, compiled in here without the formats and functions that are not used.
#include "runtime/image/Decode.h"
#include "runtime/files/MappedFile.h"
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
#define STBI_ONLY_PNM
#define STBI_MAX_DIMENSIONS 16384
#define STBI_NO_THREAD_LOCALS
#if defined(__clang__) || defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wsign-compare"
#endif
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace vitya {

bool decodeImage(const uint8_t *bytes, int64_t size, Image &image, char *error, size_t errorSize) {
  if (size == 0) {
    snprintf(error, errorSize, "an empty file");
    return false;
  }
  if (size > kMaxImageFileBytes) {
    snprintf(error, errorSize, "a file of more than 256 MiB");
    return false;
  }
  int width = 0, height = 0, channels = 0;
  if (!stbi_info_from_memory(bytes, static_cast<int>(size), &width, &height, &channels)) {
    snprintf(error, errorSize, "%s", stbi_failure_reason());
    return false;
  }
  if (width > kMaxImageSide || height > kMaxImageSide) {
    snprintf(error, errorSize, "%d x %d pixels, more than %lld a side", width, height,
             static_cast<long long>(kMaxImageSide));
    return false;
  }
  image.pixels = stbi_load_from_memory(bytes, static_cast<int>(size), &width, &height, &channels, 3);
  image.width = width;
  image.height = height;
  if (!image.pixels)
    snprintf(error, errorSize, "%s", stbi_failure_reason());
  return image.pixels;
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
