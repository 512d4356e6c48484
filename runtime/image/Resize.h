// Resizes single planes of pixels.
#ifndef VITYA_RUNTIME_IMAGE_RESIZE_H
#define VITYA_RUNTIME_IMAGE_RESIZE_H

#include <stdint.h>

namespace vitya {

/// A plane of u8 pixels, stored row by row; consecutive pixels are `stride` bytes apart.
struct Plane {
  const uint8_t *pixels;
  int64_t height, width, stride;
};

/// Divides the pixels of `source` by 255 and resizes the plane to `result`, f32 [height, width]: bilinear interpolation
/// with half-pixel centres and clamped edges, as in torch.nn.functional.interpolate(mode='bilinear',
/// align_corners=False), computed in f32. A plane of the same size is converted without interpolation.
void resizeBilinear(const Plane &source, int64_t height, int64_t width, float *result);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_RESIZE_H
