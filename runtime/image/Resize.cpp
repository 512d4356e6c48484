// Bilinear resizing of one plane.
#include "runtime/image/Resize.h"

namespace vitya {
namespace {

/// Between which two source pixels a result pixel lies, and how far from the first.
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

void resizeBilinear(const uint8_t *source, int64_t sourceHeight, int64_t sourceWidth, int64_t height, int64_t width,
                    float *result) {
  if (height == sourceHeight && width == sourceWidth) {
    for (int64_t i = 0; i < height * width; ++i)
      result[i] = static_cast<float>(source[i]) / 255.0f;
    return;
  }
  for (int64_t y = 0; y < height; ++y) {
    Position row = positionOf(y, sourceHeight, height);
    const uint8_t *top = source + row.low * sourceWidth, *bottom = source + row.high * sourceWidth;
    for (int64_t x = 0; x < width; ++x) {
      Position column = positionOf(x, sourceWidth, width);
      auto pixel = [](uint8_t value) { return static_cast<float>(value) / 255.0f; };
      float above = (1 - column.weight) * pixel(top[column.low]) + column.weight * pixel(top[column.high]);
      float below = (1 - column.weight) * pixel(bottom[column.low]) + column.weight * pixel(bottom[column.high]);
      result[y * width + x] = (1 - row.weight) * above + row.weight * below;
    }
  }
}

} // namespace vitya
