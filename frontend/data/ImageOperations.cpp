// Computes the operations in the arithmetic of Pillow. Most map each value of a channel to another, by a table.
#include "frontend/data/ImageOperations.h"
#include "runtime/image/Channels.h"
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>

namespace vitya {
namespace {

constexpr int kValues = 256;
using Table = std::array<uint8_t, kValues>;
using Histogram = std::array<int64_t, kValues>;

/// Maps the coordinates of a pixel of the result, x and y, to those of its source: a x + b y + c, d x + e y + f.
struct AffineMap {
  double a, b, c, d, e, f;
};

uint8_t clamp(int64_t value) { return static_cast<uint8_t>(std::clamp<int64_t>(value, 0, kValues - 1)); }

/// Image.blend: `from` + `factor` (`to` - `from`), rounded towards zero.
uint8_t blend(uint8_t from, uint8_t to, float factor) {
  float value = static_cast<float>(from) + factor * static_cast<float>(to - from);
  return static_cast<uint8_t>(std::clamp(value, 0.0f, 255.0f));
}

Table makeTable(uint8_t (*function)(int64_t value, double parameter), double parameter) {
  Table table;
  for (int value = 0; value < kValues; ++value)
    table[value] = function(value, parameter);
  return table;
}

void mapValues(const Table &table, uint8_t *values, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    values[i] = table[values[i]];
}

/// Copies the pixels of `image` to `scratch`.
const uint8_t *copyPixels(const ImagePlanes &image, ImageScratch &scratch) {
  scratch.pixels.assign(image.pixels, image.pixels + image.size());
  return scratch.pixels.data();
}

/// Image.transform with AFFINE and NEAREST, which computes in fixed point with 16 fractional bits.
void transform(const AffineMap &map, const ImagePlanes &image, ImageScratch &scratch) {
  auto fixed = [](double value) { return static_cast<int64_t>(std::floor(value * 65536.0 + 0.5)); };
  int64_t a = fixed(map.a), b = fixed(map.b), c = fixed(map.c + map.a * 0.5 + map.b * 0.5), d = fixed(map.d),
          e = fixed(map.e), f = fixed(map.f + map.d * 0.5 + map.e * 0.5);
  scratch.sources.resize(image.planeSize());
  int64_t *source = scratch.sources.data();
  for (int64_t y = 0; y < image.height; ++y)
    for (int64_t x = 0; x < image.width; ++x) {
      int64_t column = (a * x + b * y + c) >> 16, row = (d * x + e * y + f) >> 16;
      bool isInside = column >= 0 && column < image.width && row >= 0 && row < image.height;
      *source++ = isInside ? row * image.width + column : -1;
    }
  const uint8_t *from = copyPixels(image, scratch);
  uint8_t *to = image.pixels;
  for (int64_t channel = 0; channel < image.channels; ++channel, from += image.planeSize())
    for (int64_t index : scratch.sources)
      *to++ = index < 0 ? 0 : from[index];
}

/// The map of Image.rotate about the centre.
AffineMap rotation(double degrees, const ImagePlanes &image) {
  auto round = [](double value) { return std::round(value * 1e15) / 1e15; };
  double angle = -(degrees < 0 ? degrees + 360 : degrees) * (M_PI / 180);
  double cosine = round(std::cos(angle)), sine = round(std::sin(angle));
  double x = static_cast<double>(image.width) / 2, y = static_cast<double>(image.height) / 2;
  return {cosine, sine, cosine * -x + sine * -y + x, -sine, cosine, -sine * -x + cosine * -y + y};
}

/// ImageEnhance.Color blends with the grey image.
void changeColour(float factor, const ImagePlanes &image) {
  int64_t plane = image.planeSize();
  uint8_t *red = image.pixels, *green = red + plane, *blue = green + plane;
  for (int64_t i = 0; image.channels == 3 && i < plane; ++i) {
    uint8_t grey = luma(red[i], green[i], blue[i]);
    red[i] = blend(grey, red[i], factor);
    green[i] = blend(grey, green[i], factor);
    blue[i] = blend(grey, blue[i], factor);
  }
}

/// The mean of the grey image, rounded to the nearest.
uint8_t meanLuma(const ImagePlanes &image) {
  int64_t plane = image.planeSize(), sum = 0;
  const uint8_t *first = image.pixels;
  for (int64_t i = 0; i < plane; ++i)
    sum += image.channels == 3 ? luma(first[i], first[plane + i], first[2 * plane + i]) : first[i];
  return static_cast<uint8_t>(static_cast<double>(sum) / static_cast<double>(plane) + 0.5);
}

/// ImageEnhance.Brightness and Contrast blend with one value.
void blendWith(uint8_t value, float factor, const ImagePlanes &image) {
  Table table;
  for (int i = 0; i < kValues; ++i)
    table[i] = blend(value, static_cast<uint8_t>(i), factor);
  mapValues(table, image.pixels, image.size());
}

/// ImageEnhance.Sharpness blends with ImageFilter.SMOOTH, a mean of 3x3 pixels in which the central one has the weight
/// 5. The pixels of the border stay as they are.
void changeSharpness(float factor, const ImagePlanes &image, ImageScratch &scratch) {
  constexpr int kCentre = 5, kSum = 8 + kCentre;
  const uint8_t *from = copyPixels(image, scratch);
  int64_t pitch = image.width;
  for (int64_t row = 0; row < image.channels * image.height; ++row) {
    int64_t y = row % image.height;
    if (y == 0 || y == image.height - 1)
      continue;
    const uint8_t *above = from + (row - 1) * pitch, *here = above + pitch, *below = here + pitch;
    uint8_t *to = image.pixels + row * pitch;
    for (int64_t x = 1; x < pitch - 1; ++x) {
      int sum = above[x - 1] + above[x] + above[x + 1] + here[x - 1] + kCentre * here[x] + here[x + 1] + below[x - 1] +
                below[x] + below[x + 1];
      to[x] = blend(static_cast<uint8_t>((2 * sum + kSum) / (2 * kSum)), here[x], factor);
    }
  }
}

Histogram histogramOf(const uint8_t *values, int64_t count) {
  Histogram histogram{};
  for (int64_t i = 0; i < count; ++i)
    ++histogram[values[i]];
  return histogram;
}

/// The smallest and largest value that occurs.
struct Extremes {
  int64_t lowest, highest;
};
Extremes extremesOf(const Histogram &histogram) {
  auto occurs = [](int64_t count) { return count > 0; };
  return {std::find_if(histogram.begin(), histogram.end(), occurs) - histogram.begin(),
          histogram.rend() - std::find_if(histogram.rbegin(), histogram.rend(), occurs) - 1};
}

/// ImageOps.autocontrast stretches the values to [0, 255].
void stretch(const Histogram &histogram, Table &table) {
  auto [lowest, highest] = extremesOf(histogram);
  if (highest <= lowest)
    return;
  double scale = 255.0 / static_cast<double>(highest - lowest), offset = static_cast<double>(-lowest) * scale;
  for (int value = 0; value < kValues; ++value)
    table[value] = clamp(static_cast<int64_t>(value * scale + offset));
}

/// ImageOps.equalize makes the values equally frequent.
void equalize(const Histogram &histogram, Table &table) {
  int64_t highest = extremesOf(histogram).highest;
  int64_t step = std::accumulate(histogram.begin(), histogram.begin() + highest, int64_t(0)) / (kValues - 1);
  if (step == 0)
    return;
  int64_t sum = step / 2;
  for (int value = 0; value < kValues; ++value) {
    table[value] = clamp(sum / step);
    sum += histogram[value];
  }
}

/// Maps the values of each channel by a table that depends on their histogram and is the identity at first.
void mapChannels(void (*fill)(const Histogram &histogram, Table &table), const ImagePlanes &image) {
  for (int64_t channel = 0; channel < image.channels; ++channel) {
    uint8_t *values = image.pixels + channel * image.planeSize();
    Table table;
    std::iota(table.begin(), table.end(), uint8_t(0));
    fill(histogramOf(values, image.planeSize()), table);
    mapValues(table, values, image.planeSize());
  }
}

uint8_t keepBits(int64_t value, double bits) { return static_cast<uint8_t>(value & ~(255 >> static_cast<int>(bits))); }

uint8_t invertFrom(int64_t value, double threshold) {
  return static_cast<uint8_t>(static_cast<double>(value) < threshold ? value : kValues - 1 - value);
}

} // namespace

void apply(ImageOperation operation, double magnitude, const ImagePlanes &image, ImageScratch &scratch) {
  auto factor = static_cast<float>(1 + magnitude);
  switch (operation) {
  case ImageOperation::identity:
    return;
  case ImageOperation::shearX:
    return transform({1, magnitude, 0, 0, 1, 0}, image, scratch);
  case ImageOperation::shearY:
    return transform({1, 0, 0, magnitude, 1, 0}, image, scratch);
  case ImageOperation::translateX:
    return transform({1, 0, -std::trunc(magnitude), 0, 1, 0}, image, scratch);
  case ImageOperation::translateY:
    return transform({1, 0, 0, 0, 1, -std::trunc(magnitude)}, image, scratch);
  case ImageOperation::rotate:
    return transform(rotation(magnitude, image), image, scratch);
  case ImageOperation::brightness:
    return blendWith(0, factor, image);
  case ImageOperation::colour:
    return changeColour(factor, image);
  case ImageOperation::contrast:
    return blendWith(meanLuma(image), factor, image);
  case ImageOperation::sharpness:
    return changeSharpness(factor, image, scratch);
  case ImageOperation::posterize:
    return mapValues(makeTable(keepBits, magnitude), image.pixels, image.size());
  case ImageOperation::solarize:
    return mapValues(makeTable(invertFrom, magnitude), image.pixels, image.size());
  case ImageOperation::autoContrast:
    return mapChannels(stretch, image);
  case ImageOperation::equalize:
    return mapChannels(equalize, image);
  }
}

} // namespace vitya
