// Decodes binary PGM and PPM files (netpbm.sourceforge.net/doc/ppm.html): a text header of width, height and maximum
// value, one white-space byte, then the samples. stb_image is not used because it accepts empty and truncated files.
#include "runtime/image/Formats.h"
#include <stdio.h>

namespace vitya {
namespace {

/// A parser of the header.
struct Header {
  const uint8_t *bytes;
  int64_t size, at;

  bool isSpace() const { return at < size && (bytes[at] == ' ' || (bytes[at] >= '\t' && bytes[at] <= '\r')); }
  bool isDigit() const { return at < size && bytes[at] >= '0' && bytes[at] <= '9'; }

  void skipSpaceAndComments() {
    for (bool comment = false; at < size; ++at) {
      comment = bytes[at] == '#' || (comment && bytes[at] != '\n');
      if (!comment && !isSpace())
        return;
    }
  }

  /// Parses the next number. Returns -1 if there is none or it is not in [1, max].
  int64_t parseNumber(int64_t max) {
    skipSpaceAndComments();
    int64_t value = 0;
    for (; isDigit() && value <= max; ++at)
      value = value * 10 + bytes[at] - '0';
    return value >= 1 && value <= max ? value : -1;
  }
};

} // namespace

bool decodePnm(const uint8_t *bytes, int64_t size, Image &image, char *error, size_t errorSize) {
  Header header{bytes, size, 2};
  int64_t width = header.parseNumber(kMaxImageSide), height = header.parseNumber(kMaxImageSide);
  int64_t max = header.parseNumber(65535);
  if (width < 0 || height < 0 || max < 0 || !header.isSpace()) {
    snprintf(error, errorSize,
             "a PNM header without a width and a height from 1 to 16384 and a maximum value from 1 to 65535");
    return false;
  }
  int64_t channels = bytes[1] == '6' ? 3 : 1, sampleBytes = max > 255 ? 2 : 1, count = width * height;
  const uint8_t *samples = bytes + header.at + 1;
  if (bytes + size - samples < count * channels * sampleBytes) {
    snprintf(error, errorSize, "a PNM file that ends within its pixels");
    return false;
  }
  if (!allocateImage(width, height, 3, image, error, errorSize))
    return false;
  for (int64_t i = 0; i < count * 3; ++i) {
    const uint8_t *sample = samples + (channels == 3 ? i : i / 3) * sampleBytes;
    int64_t value = sampleBytes == 2 ? sample[0] << 8 | sample[1] : sample[0];
    image.pixels[i] = static_cast<uint8_t>(((value < max ? value : max) * 255 + max / 2) / max);
  }
  return true;
}

} // namespace vitya
