// Reads arrays of images that numpy.save has written.
#ifndef VITYA_RUNTIME_IMAGE_NPY_H
#define VITYA_RUNTIME_IMAGE_NPY_H

#include <stddef.h>
#include <stdint.h>

namespace vitya {

/// Images in an .npy file, u8 [count, height, width, channels].
struct NpyArray {
  const uint8_t *data = nullptr;
  int64_t count = 0, height = 0, width = 0, channels = 0;
};

/// Returns whether a file starts with the magic number of .npy files.
bool isNpy(const uint8_t *bytes, int64_t size);

/// Parses a file for which isNpy is true. An array [height, width, channels] is one image. If the elements are not u8
/// in C order, the shape has another rank or a side of 0 or of more than 16384, or the file has more or fewer bytes
/// than the array, returns false and writes a phrase to `error` that describes the defect.
bool parseNpy(const uint8_t *bytes, int64_t size, NpyArray &array, char *error, size_t errorSize);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_NPY_H
