// PNG files by the simplified interface of libpng.
#include "tools/lib/report/Picture.h"
#include "llvm/Support/Base64.h"
#include <algorithm>
#include <cmath>
#include <png.h>
#include <vector>

std::string vitya::report::pictureUri(llvm::ArrayRef<float> pixels, int64_t channels, int64_t height, int64_t width) {
  int64_t plane = height * width;
  std::vector<uint8_t> interleaved(channels * plane);
  for (int64_t i = 0; i < channels * plane; ++i) {
    float value = pixels[i % channels * plane + i / channels];
    interleaved[i] = static_cast<uint8_t>(std::lround(255 * std::clamp(value, 0.0f, 1.0f)));
  }
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  std::vector<char> file(PNG_IMAGE_PNG_SIZE_MAX(image));
  png_alloc_size_t size = file.size();
  bool isWritten = png_image_write_to_memory(&image, file.data(), &size, /*convert_to_8_bit=*/0, interleaved.data(),
                                             /*row_stride=*/0, /*colormap=*/nullptr);
  png_image_free(&image);
  return isWritten ? "data:image/png;base64," + llvm::encodeBase64(llvm::ArrayRef(file.data(), size)) : "";
}
