// normalize and patchify, which turn an image into tokens.
#include "dialect/reference/Ops.h"

namespace vitya::reference {

Tensor normalize(const Tensor &image, llvm::ArrayRef<float> mean, llvm::ArrayRef<float> std) {
  Tensor result(image.shape(), image.elementType());
  llvm::ArrayRef<float> from = image.values();
  llvm::MutableArrayRef<float> to = result.mutableValues();
  int64_t pixels = image.dim(1) * image.dim(2);
  for (int64_t c = 0; c < image.dim(0); ++c)
    for (int64_t i = c * pixels; i < (c + 1) * pixels; ++i)
      to[i] = (from[i] - mean[c]) / std[c];
  return result;
}

Tensor patchify(const Tensor &image, int64_t height, int64_t width, PatchOrder order) {
  int64_t channels = image.dim(0), gridHeight = image.dim(1) / height, gridWidth = image.dim(2) / width;
  Tensor result({gridHeight * gridWidth, channels * height * width}, image.elementType());
  // The distance of neighbours along each dimension of a pixel, in columns of the result.
  std::array<int64_t, 3> sizes{channels, height, width}, strides;
  int64_t stride = 1;
  auto dimensions = patchDimensions(order); // a temporary would not outlive llvm::reverse
  for (unsigned dimension : llvm::reverse(dimensions)) {
    strides[dimension] = stride;
    stride *= sizes[dimension];
  }
  llvm::ArrayRef<float> from = image.values();
  llvm::MutableArrayRef<float> to = result.mutableValues();
  for (int64_t gy = 0; gy < gridHeight; ++gy)
    for (int64_t gx = 0; gx < gridWidth; ++gx)
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t y = 0; y < height; ++y)
          for (int64_t x = 0; x < width; ++x) {
            int64_t column = c * strides[0] + y * strides[1] + x * strides[2];
            int64_t row = gy * gridWidth + gx;
            int64_t pixel = (c * image.dim(1) + gy * height + y) * image.dim(2) + gx * width + x;
            to[row * result.dim(1) + column] = from[pixel];
          }
  return result;
}

} // namespace vitya::reference
