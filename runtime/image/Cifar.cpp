// Checks files in CIFAR-10's binary layout and converts their records to f32 images.
#include "runtime/image/Cifar.h"
#include "runtime/image/Resize.h"
#include <stdio.h>

namespace vitya {

bool openCifar(const char *path, CifarImages &images, char *error, size_t errorSize) {
  if (const char *found = mapFile(path, images.file)) {
    snprintf(error, errorSize, "expected a file that can be read at '%s', found: %s", path, found);
    return false;
  }
  if (images.file.size == 0 || images.file.size % kCifarRecordBytes != 0) {
    snprintf(error, errorSize,
             "expected '%s' to be CIFAR-10 binary data, a multiple of %lld bytes, found a file of %lld bytes", path,
             static_cast<long long>(kCifarRecordBytes), static_cast<long long>(images.file.size));
    closeCifar(images);
    return false;
  }
  images.count = images.file.size / kCifarRecordBytes;
  return true;
}

void closeCifar(CifarImages &images) {
  unmapFile(images.file);
  images.count = 0;
}

int cifarLabel(const CifarImages &images, int64_t index) { return images.file.data[index * kCifarRecordBytes]; }

void cifarImage(const CifarImages &images, int64_t index, int64_t height, int64_t width, float *image) {
  const uint8_t *pixels = images.file.data + index * kCifarRecordBytes + 1;
  for (int64_t channel = 0; channel < 3; ++channel)
    resize({pixels + channel * 1024, 32, 32, 1}, height, width, /*antialias=*/false, image + channel * height * width);
}

} // namespace vitya
