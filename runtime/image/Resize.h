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

/// A part of an image that is resized to [resizedHeight, resizedWidth]: the pixels from (top, left) on, as many as
/// height and width say. It lies inside.
struct Crop {
  int64_t resizedHeight, resizedWidth, top, left, height, width;
};

/// Divides the pixels of `source` by 255 and resizes them by bilinear interpolation with half-pixel centres, without
/// antialiasing, as torch.nn.functional.interpolate(mode='bilinear', align_corners=False). Nothing is rounded to
/// integers. Writes `crop` to `result`, f32 [channels, height, width].
void resize(const Pixels &source, const Crop &crop, float *result);

/// The filters of Pillow with which `resample` resizes.
enum class Filter { bilinear, bicubic };

/// Resizes `source` as Pillow's Image.resize does, to the same bits, and divides by 255: first the rows, then the
/// columns, in fixed point, each rounded to u8. Filters are antialiased: they are stretched by the factor by which an
/// axis shrinks. Writes `crop` to `result`, f32 [channels, height, width].
void resample(const Pixels &source, const Crop &crop, Filter filter, float *result);

/// Divides the pixels of `source` by 255 and writes them to `result`, f32 [channels, height, width].
void convert(const Pixels &source, float *result);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_RESIZE_H
