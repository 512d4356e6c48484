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

/// A type of elements, as the description names it.
struct Element {
  const char *name;
  NpyType type;
  int64_t bytes;
};

constexpr Element kElements[] = {
    {"|u1", NpyType::u8, 1}, {"<i4", NpyType::i32, 4}, {"<i8", NpyType::i64, 8}, {"<f4", NpyType::f32, 4}};

/// Parses the description of elements in C order and sets the type, the rank and the shape of `array`. Returns the
/// bytes of an element, or 0 for another description. A dimension has at most nine digits.
int64_t parseDescription(const char *text, NpyArray &array) {
  char name[4];
  int at = 0, length = 0;
  sscanf(text, " { 'descr' : '%3[^']' , 'fortran_order' : False , 'shape' : ( %n", name, &at);
  if (at == 0)
    return 0;
  for (array.rank = 0; text[at] != ')'; ++array.rank) {
    long long size = 0;
    if (array.rank == NpyArray::kMaxRank || sscanf(text + at, "%9lld %n", &size, &length) != 1)
      return 0;
    array.shape[array.rank] = size;
    at += length;
    if (text[at] == ',')
      at += 1 + static_cast<int>(strspn(text + at + 1, " "));
  }
  for (const Element &element : kElements)
    if (!strcmp(element.name, name)) {
      array.type = element.type;
      return element.bytes;
    }
  return 0;
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
  int64_t elementBytes = parseDescription(text, array), expected = elementBytes;
  if (elementBytes == 0 || array.rank == 0) {
    snprintf(error, errorSize, "an .npy array that is not of u8, i32, i64 or f32 in C order, of 1 to %d dimensions",
             NpyArray::kMaxRank);
    return false;
  }
  array.data = bytes + header + length;
  int64_t left = size - header - length;
  for (int i = 0; i < array.rank; ++i) {
    if (array.shape[i] < 1) {
      snprintf(error, errorSize, "an .npy array without elements");
      return false;
    }
    // More elements than bytes are too many, and their product might overflow.
    expected = expected > left ? expected : expected * array.shape[i];
  }
  if (expected != left) {
    snprintf(error, errorSize, "an .npy array in a file with %lld bytes of elements, which are not those of its shape",
             static_cast<long long>(left));
    return false;
  }
  return true;
}

bool parseNpyImages(const uint8_t *bytes, int64_t size, NpyImages &images, char *error, size_t errorSize) {
  NpyArray array;
  if (!parseNpy(bytes, size, array, error, errorSize))
    return false;
  bool isFloat = array.type == NpyType::f32;
  if (array.rank < 3 || (array.type != NpyType::u8 && !isFloat)) {
    snprintf(
        error, errorSize,
        "an .npy array that is neither u8 [count, height, width, channels] nor f32 [count, channels, height, width], "
        "nor one such image");
    return false;
  }
  const int64_t *image = array.shape + array.rank - 3;
  for (int i = 0; i < 3; ++i)
    if (image[i] > kMaxImageSide) {
      snprintf(error, errorSize, "an .npy array of images with a side of more than %lld",
               static_cast<long long>(kMaxImageSide));
      return false;
    }
  images = {array.data,
            array.rank == 4 ? array.shape[0] : 1,
            image[isFloat ? 1 : 0],
            image[isFloat ? 2 : 1],
            image[isFloat ? 0 : 2],
            isFloat};
  return true;
}

} // namespace vitya
