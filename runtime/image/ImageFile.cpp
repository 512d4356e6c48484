// Checks files of images and converts their images to the input of a model.
#include "runtime/image/ImageFile.h"
#include "runtime/image/Channels.h"
#include "runtime/image/Npy.h"
#include <stdio.h>

namespace vitya {

namespace {

constexpr int64_t kSide = 32, kPlane = kSide * kSide, kColours = 3, kRecord = 1 + kColours * kPlane;

} // namespace

bool openImageFile(const char *path, ImageFile &images, char *error, size_t errorSize) {
  images = ImageFile();
  if (const char *found = mapFile(path, images.file)) {
    snprintf(error, errorSize, "expected a file that can be read at '%s', found: %s", path, found);
    return false;
  }
  const uint8_t *bytes = images.file.data;
  int64_t size = images.file.size;
  if (isNpy(bytes, size)) {
    NpyArray array;
    char reason[256];
    if (parseNpy(bytes, size, array, reason, sizeof(reason))) {
      images.count = array.count;
      images.height = array.height;
      images.width = array.width;
      images.channels = array.channels;
      images.images = array.data;
      return true;
    }
    snprintf(error, errorSize, "expected an array of images in '%s', found: %s", path, reason);
  } else if (size != 0 && size % kRecord == 0) {
    images.count = size / kRecord;
    images.height = images.width = kSide;
    images.channels = kColours;
    images.hasLabels = true;
    images.images = bytes;
    return true;
  } else {
    snprintf(error, errorSize,
             "expected '%s' to be CIFAR-10 binary data, a multiple of %lld bytes, or an .npy array, found a file of "
             "%lld bytes",
             path, static_cast<long long>(kRecord), static_cast<long long>(size));
  }
  closeImageFile(images);
  return false;
}

void closeImageFile(ImageFile &images) {
  unmapFile(images.file);
  images = ImageFile();
}

bool imagesFit(const ImageFile &images, int64_t channels, const char *path, char *error, size_t errorSize) {
  if (images.channels == channels || (images.hasLabels && canConvertChannels(images.channels, channels)))
    return true;
  snprintf(error, errorSize, "expected images of %lld channels, as the model takes, in '%s', found %lld",
           static_cast<long long>(channels), path, static_cast<long long>(images.channels));
  return false;
}

bool labelsFit(const ImageFile &images, int64_t count, int64_t classes, const char *path, char *error,
               size_t errorSize) {
  if (!images.hasLabels) {
    snprintf(error, errorSize, "expected images with labels in '%s', as CIFAR-10 binary data has, found an .npy array",
             path);
    return false;
  }
  for (int64_t i = 0; i < count; ++i)
    if (int label = imageLabel(images, i); label >= classes) {
      snprintf(error, errorSize,
               "expected labels of '%s' to be below %lld, the classes of the model, found %d in record %lld", path,
               static_cast<long long>(classes), label, static_cast<long long>(i));
      return false;
    }
  return true;
}

int imageLabel(const ImageFile &images, int64_t index) { return images.images[index * kRecord]; }

void readImageOf(const ImageFile &images, int64_t index, const ModelImage &model, float *result) {
  if (!images.hasLabels) {
    const uint8_t *image = images.images + index * images.height * images.width * images.channels;
    preprocess({image, images.height, images.width, images.channels}, model, result);
    return;
  }
  const uint8_t *planes = images.images + index * kRecord + 1;
  uint8_t rgb[kColours * kPlane], converted[kMaxConvertedChannels * kPlane];
  for (int64_t i = 0; i < kColours * kPlane; ++i)
    rgb[i] = planes[i % kColours * kPlane + i / kColours];
  convertChannels(rgb, kColours, converted, model.channels, kPlane);
  ModelImage plain = model;
  plain.preprocessing = {VITYA_BILINEAR, /*antialias=*/0, model.height, model.width, VITYA_HALF_EVEN};
  preprocess({converted, kSide, kSide, model.channels}, plain, result);
}

} // namespace vitya
