// Files in memory, for everything that the runtime reads whole.
#ifndef VITYA_RUNTIME_FILES_MAPPEDFILE_H
#define VITYA_RUNTIME_FILES_MAPPEDFILE_H

#include <stdint.h>

namespace vitya {

/// The bytes of a file, read-only; no memory where it is empty.
struct MappedFile {
  const uint8_t *data = nullptr;
  int64_t size = 0;
};

/// Maps the regular file at `path`. Returns null, or a few words that say what was found instead of one that can be
/// read; they are valid until the next call.
const char *mapFile(const char *path, MappedFile &file);

void unmapFile(MappedFile &file);

} // namespace vitya

#endif // VITYA_RUNTIME_FILES_MAPPEDFILE_H
