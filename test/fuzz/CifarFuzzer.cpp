// Fuzzes the reader of CIFAR-10's binary layout through an in-memory file.
#include "runtime/image/Cifar.h"
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
  vitya::CifarImages images;
  if (vitya::openCifar(path, images, error, sizeof(error))) {
    float image[3 * 7 * 9];
    for (int64_t i = 0; i < images.count; ++i) {
      if (vitya::cifarLabel(images, i) < 0)
        abort();
      vitya::cifarImage(images, i, 7, 9, image);
    }
    vitya::closeCifar(images);
  }
  close(file);
  return 0;
}
