// Resizes one plane of pixels bilinearly.
#include "runtime/image/Resize.h"

namespace vitya {
namespace {

/// The position of a result pixel along one axis: the two source pixels it lies between, and the weight of the second.
struct Position {
  int64_t low, high;
  float weight;
};

Position positionOf(int64_t index, int64_t sourceSize, int64_t size) {
  float scale = static_cast<float>(sourceSize) / static_cast<float>(size);
  float centre = scale * (static_cast<float>(index) + 0.5f) - 0.5f;
  if (centre < 0)
    centre = 0;
  int64_t low = static_cast<int64_t>(centre);
  if (low > sourceSize - 1)
    low = sourceSize - 1;
  return {low, low < sourceSize - 1 ? low + 1 : low, centre - static_cast<float>(low)};
}

} // namespace

void resizeBilinear(const Plane &source, int64_t height, int64_t width, float *result) {
  int64_t stride = source.stride, pitch = source.width * stride;
  auto pixel = [](uint8_t value) { return static_cast<float>(value) / 255.0f; };
  if (height == source.height && width == source.width) {
    for (int64_t i = 0; i < height * width; ++i)
      result[i] = pixel(source.pixels[i * stride]);
    return;
  }
  for (int64_t y = 0; y < height; ++y) {
    Position row = positionOf(y, source.height, height);
    const uint8_t *top = source.pixels + row.low * pitch, *bottom = source.pixels + row.high * pitch;
    for (int64_t x = 0; x < width; ++x) {
      Position column = positionOf(x, source.width, width);
      int64_t low = column.low * stride, high = column.high * stride;
      float above = (1 - column.weight) * pixel(top[low]) + column.weight * pixel(top[high]);
      float below = (1 - column.weight) * pixel(bottom[low]) + column.weight * pixel(bottom[high]);
      result[y * width + x] = (1 - row.weight) * above + row.weight * below;
    }
  }
}

} // namespace vitya
