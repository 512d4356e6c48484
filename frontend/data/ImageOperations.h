// Operations on the pixels of one image, as torchvision.transforms.functional computes them for images of Pillow.
#ifndef VITYA_FRONTEND_DATA_IMAGEOPERATIONS_H
#define VITYA_FRONTEND_DATA_IMAGEOPERATIONS_H

#include <cstdint>
#include <vector>

namespace vitya {

/// The operations of TrivialAugment and RandAugment, in torchvision's order.
enum class ImageOperation {
  identity,
  shearX,
  shearY,
  translateX,
  translateY,
  rotate,
  brightness,
  colour,
  contrast,
  sharpness,
  posterize,
  solarize,
  autoContrast,
  equalize,
};
inline constexpr int64_t kImageOperations = 14;

/// Pixels that can be changed, u8 [channels, height, width], where the channels are grey or red, green and blue.
struct ImagePlanes {
  uint8_t *pixels;
  int64_t channels, height, width;

  int64_t planeSize() const { return height * width; }
  int64_t size() const { return channels * planeSize(); }
};

/// Memory that operations reuse.
struct ImageScratch {
  std::vector<uint8_t> pixels;
  std::vector<int64_t> sources;
};

/// Replaces the pixels of `image`. What the magnitude means depends on the operation:
///  - shearX, shearY: pixels by which a row or column is moved for each row above or column to the left;
///  - translateX, translateY: pixels, rounded towards zero; rotate: degrees, counter-clockwise;
///  - brightness, colour, contrast, sharpness: the factor is 1 + magnitude;
///  - posterize: the bits that are kept of each value, rounded towards zero;
///  - solarize: values that are not below it are inverted.
/// Where pixels come from outside the image they are 0, and between pixels the nearest one is taken. All results are
/// those of Pillow to the bit.
void apply(ImageOperation operation, double magnitude, const ImagePlanes &image, ImageScratch &scratch);

} // namespace vitya

#endif // VITYA_FRONTEND_DATA_IMAGEOPERATIONS_H
