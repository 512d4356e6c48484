// Decoding through stb_image, compiled in here without the formats and functions that are not used.
#include "runtime/image/Decode.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) {
    refuse(strerror(errno));
    if (file >= 0)
      close(file);
    return false;
  }
  void *data = MAP_FAILED;
  if (S_ISREG(status.st_mode) && status.st_size > 0 && status.st_size <= kMaxImageFileBytes)
    data = mmap(nullptr, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (!S_ISREG(status.st_mode))
    return refuse("no regular file");
  if (status.st_size == 0)
    return refuse("an empty file");
  if (status.st_size > kMaxImageFileBytes)
    return refuse("a file of more than 256 MiB");
  if (data == MAP_FAILED)
    return refuse("a file that cannot be mapped");
  char reason[256];
  bool decoded = decodeImage(static_cast<const uint8_t *>(data), status.st_size, image, reason, sizeof(reason));
  munmap(data, status.st_size);
  return decoded || refuse(reason);
}

void freeImage(Image &image) {
  stbi_image_free(image.pixels);
  image = Image();
}

} // namespace vitya
