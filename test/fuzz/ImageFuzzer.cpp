// Fuzzes the decoder of image files and the resizing of its results to the size of a model.
#include "runtime/image/Decode.h"
#include "runtime/image/Resize.h"
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  vitya::Image image;
  char error[256];
  if (!vitya::decodeImage(data, size, image, error, sizeof(error)))
    return 0;
  float plane[8 * 8];
  for (int64_t channel = 0; channel < image.channels; ++channel) {
    vitya::resizeBilinear({image.pixels + channel, image.height, image.width, image.channels}, 8, 8, plane);
    for (float pixel : plane)
      if (!(pixel >= 0 && pixel <= 1))
        abort();
  }
  vitya::freeImage(image);
  return 0;
}
