// Maps CIFAR-10's binary files and turns records into images.
#include "runtime/image/Cifar.h"
#include "runtime/image/Resize.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vitya {

bool openCifar(const char *path, CifarImages &images, char *error, size_t errorSize) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) {
    snprintf(error, errorSize, "expected a file that can be read at '%s', found: %s", path, strerror(errno));
    if (file >= 0)
      close(file);
    return false;
  }
  if (!S_ISREG(status.st_mode) || status.st_size == 0 || status.st_size % kCifarRecordBytes != 0) {
    snprintf(error, errorSize,
             "expected '%s' to be CIFAR-10 binary data, a multiple of %lld bytes, found %s of %lld bytes", path,
             static_cast<long long>(kCifarRecordBytes), S_ISREG(status.st_mode) ? "a file" : "no regular file",
             static_cast<long long>(status.st_size));
    close(file);
    return false;
  }
  void *data = mmap(nullptr, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (data == MAP_FAILED) {
    snprintf(error, errorSize, "expected '%s' to fit into memory, found: %s", path, strerror(errno));
    return false;
  }
  images.records = static_cast<const uint8_t *>(data);
  images.count = status.st_size / kCifarRecordBytes;
  return true;
}

void closeCifar(CifarImages &images) {
  if (images.records)
    munmap(const_cast<uint8_t *>(images.records), images.count * kCifarRecordBytes);
  images = CifarImages();
}

int cifarLabel(const CifarImages &images, int64_t index) { return images.records[index * kCifarRecordBytes]; }

void cifarImage(const CifarImages &images, int64_t index, int64_t height, int64_t width, float *image) {
  const uint8_t *pixels = images.records + index * kCifarRecordBytes + 1;
  for (int64_t channel = 0; channel < 3; ++channel)
    resizeBilinear({pixels + channel * 1024, 32, 32, 1}, height, width, image + channel * height * width);
}

} // namespace vitya
