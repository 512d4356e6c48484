// Maps regular files. A pipe or a device is rejected without blocking on its writer.
#include "runtime/files/MappedFile.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vitya {

const char *mapFile(const char *path, MappedFile &file) {
  file = MappedFile();
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return strerror(errno);
  const char *found = nullptr;
  struct stat status;
  if (fstat(descriptor, &status) != 0) {
    found = strerror(errno);
  } else if (!S_ISREG(status.st_mode)) {
    found = S_ISDIR(status.st_mode) ? "a folder" : "no regular file";
  } else if (status.st_size > 0) {
    void *data = mmap(nullptr, status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED)
      found = strerror(errno);
    else
      file = {static_cast<const uint8_t *>(data), status.st_size};
  }
  close(descriptor);
  return found;
}

void unmapFile(MappedFile &file) {
  if (file.data)
    munmap(const_cast<uint8_t *>(file.data), file.size);
  file = MappedFile();
}

} // namespace vitya
