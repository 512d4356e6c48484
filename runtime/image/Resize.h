// Resizes images.
#ifndef VITYA_RUNTIME_IMAGE_RESIZE_H
#define VITYA_RUNTIME_IMAGE_RESIZE_H

#include <stdint.h>

namespace vitya {

/// The u8 pixels of an image, [height, width, channels].
struct Pixels {
  const uint8_t *data;
  int64_t height, width, channels;
};

/// Divides the pixels of `source` by 255 and resizes them to `result`, f32 [channels, height, width], by bilinear
/// interpolation with half-pixel centres. Each result pixel is the mean of source pixels, weighted along each axis by a
/// triangle around its centre: 1 - |distance| / radius. The radius is one source pixel, as in
/// torch.nn.functional.interpolate(mode='bilinear', align_corners=False); with `antialias`, an axis that shrinks has
/// the radius sourceSize / size, as in Pillow's Image.resize(resample=BILINEAR) and in PyTorch with antialias=True.
/// Nothing is rounded, so that results differ from Pillow's by at most one of 255 levels. An image of the same size is
/// converted without interpolation.
void resize(const Pixels &source, int64_t height, int64_t width, bool antialias, float *result);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_RESIZE_H
