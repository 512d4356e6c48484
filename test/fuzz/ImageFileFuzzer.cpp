// Fuzzes the reader of files of many images through an in-memory file.
#include "runtime/image/ImageFile.h"
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int file = memfd_create("images", 0);
  if (file < 0 || write(file, data, size) != static_cast<ssize_t>(size))
    abort();
  char path[64], error[256];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
  vitya::ImageFile images;
  if (vitya::openImageFile(path, images, error, sizeof(error))) {
    constexpr int64_t kMaxChannels = 8;
    float image[kMaxChannels * 7 * 9];
    for (int64_t channels = 1; channels <= kMaxChannels; ++channels)
      for (int64_t i = 0; i < images.count && vitya::imagesFit(images, channels, path, error, sizeof(error)); ++i) {
        if (images.hasLabels && vitya::imageLabel(images, i) < 0)
          abort();
        vitya::readImageOf(images, i, {channels, 7, 9, {VITYA_BICUBIC, 1, 10, 0, VITYA_FLOOR}}, image);
      }
    vitya::closeImageFile(images);
  }
  close(file);
  return 0;
}
