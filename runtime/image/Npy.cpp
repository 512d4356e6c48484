// Parses the header of .npy files (numpy.org/doc/stable/reference/generated/numpy.lib.format.html): a magic number, two
// bytes of version, the length of the description in 2 bytes or, from version 2 on, 4 bytes, and the description, a
// Python dict of three entries.
#include "runtime/image/Npy.h"
#include "runtime/image/Decode.h"
#include <stdio.h>
#include <string.h>

namespace vitya {
namespace {

constexpr char kMagic[] = "\x93NUMPY";
constexpr int64_t kMagicBytes = sizeof(kMagic) - 1;

/// The longest description that is read; those of images have about 80 characters and are padded to 128 bytes.
constexpr int64_t kMaxDescription = 1023;

/// Parses the description of u8 elements in C order. Returns the rank of the array, and its first sizes in `shape`, or
/// -1 for another description. A size has at most nine digits.
int parseDescription(const char *text, long long (&shape)[4]) {
  int at = 0, length = 0;
  sscanf(text, " { 'descr' : '|u1' , 'fortran_order' : False , 'shape' : ( %n", &at);
  if (at == 0)
    return -1;
  for (int rank = 0; rank <= 4; ++rank) {
    if (text[at] == ')')
      return rank;
    if (rank == 4 || sscanf(text + at, "%9lld %n", &shape[rank], &length) != 1)
      return -1;
    at += length;
    if (text[at] == ',')
      at += 1 + static_cast<int>(strspn(text + at + 1, " "));
  }
  return -1;
}

} // namespace

bool isNpy(const uint8_t *bytes, int64_t size) { return size >= kMagicBytes && !memcmp(bytes, kMagic, kMagicBytes); }

bool parseNpy(const uint8_t *bytes, int64_t size, NpyArray &array, char *error, size_t errorSize) {
  constexpr int64_t kVersionBytes = 2;
  const uint8_t *field = bytes + kMagicBytes + kVersionBytes;
  int64_t fieldBytes = size > kMagicBytes && bytes[kMagicBytes] == 1 ? 2 : 4, length = 0;
  int64_t header = kMagicBytes + kVersionBytes + fieldBytes;
  for (int64_t i = fieldBytes - 1; i >= 0 && size >= header; --i)
    length = length << 8 | field[i];
  char text[kMaxDescription + 1] = "";
  if (size >= header && length <= kMaxDescription && length <= size - header)
    memcpy(text, bytes + header, length);
  long long shape[4] = {};
  int rank = parseDescription(text, shape);
  if (rank != 3 && rank != 4) {
    snprintf(error, errorSize,
             "an .npy array that is not u8 [height, width, channels] or [count, height, width, channels] in C order");
    return false;
  }
  const long long *image = shape + rank - 3;
  array = {bytes + header + length, rank == 4 ? shape[0] : 1, image[0], image[1], image[2]};
  if (array.count < 1 || array.height < 1 || array.width < 1 || array.channels < 1 || array.height > kMaxImageSide ||
      array.width > kMaxImageSide || array.channels > kMaxImageSide) {
    snprintf(error, errorSize, "an .npy array of a size that is not from 1 to %lld",
             static_cast<long long>(kMaxImageSide));
    return false;
  }
  int64_t imageBytes = array.height * array.width * array.channels, left = size - header - length;
  if (left % imageBytes != 0 || left / imageBytes != array.count) {
    snprintf(error, errorSize, "an .npy array of %lld images of %lld bytes in a file with %lld bytes of elements",
             static_cast<long long>(array.count), static_cast<long long>(imageBytes), static_cast<long long>(left));
    return false;
  }
  return true;
}

} // namespace vitya
