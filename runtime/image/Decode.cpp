// Selects the decoder of an image file, and has what all decoders share.
#include "runtime/image/Decode.h"
#include "runtime/files/MappedFile.h"
#include "runtime/image/Channels.h"
#include "runtime/image/Formats.h"
#include "runtime/image/Npy.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace vitya {

namespace {

/// A format: the bytes that its files start with, and its decoder.
struct Format {
  const char *magic;
  bool (*decode)(const uint8_t *bytes, int64_t size, Image &image, char *error, size_t errorSize);
};

constexpr Format kFormats[] = {
    {"\xFF\xD8", decodeJpeg}, {"\x89PNG\r\n\x1A\n", decodePng}, {"BM", decodeBmp}, {"P5", decodePnm},
    {"P6", decodePnm},        {"\x93NUMPY", decodeNpy},
};

/// Converts the pixels of `image`. On failure, frees it, returns false and writes a phrase to `error`.
bool convert(Image &image, int64_t channels, char *error, size_t errorSize) {
  Image result = image;
  if (!canConvertChannels(image.channels, channels)) {
    snprintf(error, errorSize, "an image of %lld channels, which cannot be converted to the %lld of the model",
             static_cast<long long>(image.channels), static_cast<long long>(channels));
  } else if (channels <= image.channels ||
             allocateImage(image.width, image.height, channels, result, error, errorSize)) {
    convertChannels(image.pixels, image.channels, result.pixels, channels, image.width * image.height);
    if (result.pixels != image.pixels)
      freeImage(image);
    image = result;
    image.channels = channels;
    return true;
  }
  freeImage(image);
  return false;
}

} // namespace

bool checkImageSize(int64_t width, int64_t height, int64_t size, char *error, size_t errorSize) {
  if (width < 1 || height < 1) {
    snprintf(error, errorSize, "an image without pixels");
    return false;
  }
  if (width > kMaxImageSide || height > kMaxImageSide) {
    snprintf(error, errorSize, "%lld x %lld pixels, more than %lld a side", static_cast<long long>(width),
             static_cast<long long>(height), static_cast<long long>(kMaxImageSide));
    return false;
  }
  // A pixel of a PNG file has at least one bit, which deflate compresses at most 1032 times; a JPEG file has at least
  // one bit for each unit of at most 32 x 32 pixels. A header that claims more pixels is rejected here, because
  // decoding such a file would take seconds before it fails.
  constexpr int64_t kMaxPixelsPerByte = 8 * 1032;
  if (width * height / kMaxPixelsPerByte > size) {
    snprintf(error, errorSize, "%lld x %lld pixels, more than %lld bytes can hold", static_cast<long long>(width),
             static_cast<long long>(height), static_cast<long long>(size));
    return false;
  }
  return true;
}

bool allocateImage(int64_t width, int64_t height, int64_t channels, Image &image, char *error, size_t errorSize) {
  image.pixels = static_cast<uint8_t *>(malloc(width * height * channels));
  if (!image.pixels) {
    snprintf(error, errorSize, "an image that does not fit into memory");
    return false;
  }
  image.height = height;
  image.width = width;
  image.channels = channels;
  return true;
}

bool decodeNpy(const uint8_t *bytes, int64_t size, Image &image, char *error, size_t errorSize) {
  NpyImages array;
  if (!parseNpyImages(bytes, size, array, error, errorSize))
    return false;
  if (array.isFloat) {
    snprintf(error, errorSize, "an .npy array of f32 instead of u8");
    return false;
  }
  if (array.count != 1) {
    snprintf(error, errorSize, "an .npy array of %lld images instead of one", static_cast<long long>(array.count));
    return false;
  }
  if (!allocateImage(array.width, array.height, array.channels, image, error, errorSize))
    return false;
  memcpy(image.pixels, array.data, array.height * array.width * array.channels);
  return true;
}

bool decodeImage(const uint8_t *bytes, int64_t size, Image &image, char *error, size_t errorSize) {
  image = Image();
  if (size == 0) {
    snprintf(error, errorSize, "an empty file");
    return false;
  }
  if (size > kMaxImageFileBytes) {
    snprintf(error, errorSize, "a file of more than 256 MiB");
    return false;
  }
  for (const Format &format : kFormats) {
    auto length = static_cast<int64_t>(strlen(format.magic));
    if (size >= length && memcmp(bytes, format.magic, length) == 0)
      return format.decode(bytes, size, image, error, errorSize);
  }
  snprintf(error, errorSize, "a file of another format");
  return false;
}

bool readImage(const char *path, int64_t channels, Image &image, char *error, size_t errorSize) {
  auto refuse = [&](const char *found) {
    snprintf(error, errorSize, "expected a PNG, JPEG, BMP, PPM or NPY image at '%s', found: %s", path, found);
    return false;
  };
  MappedFile file;
  if (const char *found = mapFile(path, file))
    return refuse(found);
  char reason[256];
  bool decoded = decodeImage(file.data, file.size, image, reason, sizeof(reason));
  decoded = decoded && convert(image, channels, reason, sizeof(reason));
  unmapFile(file);
  return decoded || refuse(reason);
}

void freeImage(Image &image) {
  free(image.pixels);
  image = Image();
}

} // namespace vitya
