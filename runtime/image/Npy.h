// Reads arrays that numpy.save has written.
#ifndef VITYA_RUNTIME_IMAGE_NPY_H
#define VITYA_RUNTIME_IMAGE_NPY_H

#include <stddef.h>
#include <stdint.h>

namespace vitya {

/// The types of elements that are read.
enum class NpyType { u8, i32, i64, f32 };

/// An array in an .npy file, in C order.
struct NpyArray {
  static constexpr int kMaxRank = 4;

  const uint8_t *data = nullptr; ///< the elements, which need not be aligned
  NpyType type = NpyType::u8;
  int rank = 0;
  int64_t shape[kMaxRank] = {};
};

/// Returns whether a file starts with the magic number of .npy files.
bool isNpy(const uint8_t *bytes, int64_t size);

/// Parses a file for which isNpy is true. If the elements have another type or are not in C order, the array has no or
/// more than kMaxRank dimensions, or one of 0, or the file has more or fewer bytes than the array, returns false and
/// writes a phrase to `error` that describes the defect.
bool parseNpy(const uint8_t *bytes, int64_t size, NpyArray &array, char *error, size_t errorSize);

/// Images in an .npy file: u8 [count, height, width, channels], or f32 [count, channels, height, width] in [0, 1].
struct NpyImages {
  const uint8_t *data = nullptr;
  int64_t count = 0, height = 0, width = 0, channels = 0;
  bool isFloat = false;
};

/// The same for a file of images; without its first dimension, an array is one image. A height, a width or a number of
/// channels of more than kMaxImageSide is an error, too.
bool parseNpyImages(const uint8_t *bytes, int64_t size, NpyImages &images, char *error, size_t errorSize);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_NPY_H
