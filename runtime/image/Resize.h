// Resizing of single planes of pixels.
#ifndef VITYA_RUNTIME_IMAGE_RESIZE_H
#define VITYA_RUNTIME_IMAGE_RESIZE_H

#include <stdint.h>

namespace vitya {

/// Writes a plane of u8 pixels as f32 pixels / 255 of another size: bilinear with half-pixel centres and clamped edges,
/// the formula of torch.nn.functional.interpolate(mode='bilinear', align_corners=False), in f32. A plane of the same
/// size is only converted.
void resizeBilinear(const uint8_t *source, int64_t sourceHeight, int64_t sourceWidth, int64_t height, int64_t width,
                    float *result);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_RESIZE_H
