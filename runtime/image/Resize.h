// Resizing of single planes of pixels.
#ifndef VITYA_RUNTIME_IMAGE_RESIZE_H
#define VITYA_RUNTIME_IMAGE_RESIZE_H

#include <stdint.h>

namespace vitya {

/// A plane of u8 pixels in rows of `width`, `stride` bytes from one pixel to the next.
struct Plane {
  const uint8_t *pixels;
  int64_t height, width, stride;
};

/// Writes `source` as f32 pixels / 255 of another size: bilinear with half-pixel centres and clamped edges, the formula
/// of torch.nn.functional.interpolate(mode='bilinear', align_corners=False), in f32. A plane of the same size is only
/// converted.
void resizeBilinear(const Plane &source, int64_t height, int64_t width, float *result);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_RESIZE_H
