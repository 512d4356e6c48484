// Fuzzes the decoder of image files and the preprocessing of its results for a model.
#include "runtime/image/Decode.h"
#include "runtime/image/Preprocess.h"
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  vitya::Image image;
  char error[256];
  if (!vitya::decodeImage(data, size, image, error, sizeof(error)))
    return 0;
  float result[4 * 8 * 8];
  constexpr vitya_preprocessing kinds[] = {{VITYA_BILINEAR, 0, 8, 8, VITYA_HALF_EVEN},
                                           {VITYA_BILINEAR, 1, 9, 12, VITYA_HALF_EVEN},
                                           {VITYA_BICUBIC, 1, 9, 0, VITYA_FLOOR}};
  for (const vitya_preprocessing &kind : kinds) {
    vitya::preprocess({image.pixels, image.height, image.width, image.channels}, {image.channels, 8, 8, kind}, result);
    for (int64_t i = 0; i < image.channels * 8 * 8; ++i)
      if (!(result[i] >= 0 && result[i] <= 1))
        abort();
  }
  vitya::freeImage(image);
  return 0;
}
