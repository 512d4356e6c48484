// Read-only memory mappings of files.
#ifndef VITYA_RUNTIME_FILES_MAPPEDFILE_H
#define VITYA_RUNTIME_FILES_MAPPEDFILE_H

#include <stdint.h>

namespace vitya {

/// The bytes of a file, read-only. `data` is null for an empty file.
struct MappedFile {
  const uint8_t *data = nullptr;
  int64_t size = 0;
};

/// Maps the regular file at `path`. Returns null on success, else a phrase that completes "expected a file that can be
/// read, found: ..."; it is valid until the next call.
const char *mapFile(const char *path, MappedFile &file);

void unmapFile(MappedFile &file);

} // namespace vitya

#endif // VITYA_RUNTIME_FILES_MAPPEDFILE_H
