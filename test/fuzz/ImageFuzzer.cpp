// Fuzzes the decoder of image files and the resizing of its results to the size of a model.
#include "runtime/image/Decode.h"
#include "runtime/image/Resize.h"
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  vitya::Image image;
  char error[256];
  if (!vitya::decodeImage(data, size, image, error, sizeof(error)))
    return 0;
  float result[4 * 8 * 8];
  for (int antialias = 0; antialias < 2; ++antialias) {
    vitya::resize({image.pixels, image.height, image.width, image.channels}, 8, 8, antialias, result);
    for (int64_t i = 0; i < image.channels * 8 * 8; ++i)
      if (!(result[i] >= 0 && result[i] <= 1))
        abort();
  }
  vitya::freeImage(image);
  return 0;
}
