// Fuzzes the reader of files of many images through an in-memory file.
#include "runtime/image/ImageData.h"
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
  vitya::ImageData images;
  if (vitya::openImageData(path, images, error, sizeof(error))) {
    constexpr int64_t kMaxChannels = 8;
    float image[kMaxChannels * 7 * 9];
    for (int64_t channels = 1; channels <= kMaxChannels; ++channels) {
      const vitya::ModelImage model = {channels, 7, 9, {VITYA_BICUBIC, 1, 10, 0, VITYA_FLOOR}};
      for (int64_t i = 0; i < images.count && vitya::imagesFit(images, model, path, error, sizeof(error)); ++i)
        vitya::readImageOf(images, i, model, image, error, sizeof(error));
    }
    const char *const names[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    if (images.hasLabels)
      vitya::findLabels(images, names, /*classes=*/10, path, error, sizeof(error));
    vitya::closeImageData(images);
  }
  close(file);
  return 0;
}
