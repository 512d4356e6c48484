// Draws the changes of an image and computes them.
#include "frontend/data/Augment.h"
#include "dialect/support/Errors.h"
#include <cmath>

using namespace llvm;

namespace vitya {
namespace {

/// The magnitudes of an operation increase in equal steps from 0 to these.
struct Range {
  double trivial, rand;
  bool isSigned;
};

constexpr double kDegrees = 30, kWideDegrees = 135, kPixels = 32, kPartOfSide = 150.0 / 331.0, kShear = 0.3,
                 kFactor = 0.9, kWide = 0.99;
/// The bits that posterize takes away. For solarize the level decreases the threshold, from 255.
constexpr double kBits = 4, kWideBits = 6, kThreshold = 255;

constexpr Range kRanges[kImageOperations] = {
    {0, 0, false},                   // identity
    {kWide, kShear, true},           // shearX
    {kWide, kShear, true},           // shearY
    {kPixels, kPartOfSide, true},    // translateX
    {kPixels, kPartOfSide, true},    // translateY
    {kWideDegrees, kDegrees, true},  // rotate
    {kWide, kFactor, true},          // brightness
    {kWide, kFactor, true},          // colour
    {kWide, kFactor, true},          // contrast
    {kWide, kFactor, true},          // sharpness
    {kWideBits, kBits, false},       // posterize
    {kThreshold, kThreshold, false}, // solarize
    {0, 0, false},                   // autoContrast
    {0, 0, false},                   // equalize
};

/// torch.linspace, which computes each half from its end, with fused multiply-adds.
double linspace(double first, double last, int64_t index) {
  auto from = static_cast<float>(first), to = static_cast<float>(last);
  constexpr int64_t kSteps = kMagnitudeLevels - 1;
  float step = (to - from) / kSteps;
  return index < kMagnitudeLevels / 2 ? std::fma(step, static_cast<float>(index), from)
                                      : std::fma(-step, static_cast<float>(kSteps - index), to);
}

/// Copies `source` to `image`, moved by up to `options.cropPadding` pixels and perhaps mirrored.
void crop(ArrayRef<uint8_t> source, const AugmentOptions &options, Random &random, const ImagePlanes &image,
          ImageScratch &scratch) {
  int64_t padding = options.cropPadding, top = random.below(2 * padding + 1) - padding,
          left = random.below(2 * padding + 1) - padding;
  bool mirror = options.flip && random.below(2);
  auto inside = [&](int64_t index, int64_t size) {
    if (options.cropBorder == CropBorder::zero)
      return index < 0 || index >= size ? -1 : index;
    return index < 0 ? -index : index >= size ? 2 * (size - 1) - index : index;
  };
  scratch.sources.resize(image.width);
  for (int64_t x = 0; x < image.width; ++x)
    scratch.sources[x] = inside((mirror ? image.width - 1 - x : x) + left, image.width);
  uint8_t *to = image.pixels;
  for (int64_t channel = 0; channel < image.channels; ++channel)
    for (int64_t y = 0; y < image.height; ++y) {
      int64_t row = inside(y + top, image.height);
      const uint8_t *from = source.data() + channel * image.planeSize() + row * image.width;
      for (int64_t column : scratch.sources)
        *to++ = row < 0 || column < 0 ? 0 : from[column];
    }
}

void applyPolicy(const AugmentOptions &options, Random &random, const ImagePlanes &image, ImageScratch &scratch) {
  if (options.policy == AugmentPolicy::none)
    return;
  bool isTrivial = options.policy == AugmentPolicy::trivial;
  for (int64_t i = 0, count = isTrivial ? 1 : options.randOperations; i < count; ++i) {
    auto operation = static_cast<ImageOperation>(random.below(kImageOperations));
    int64_t level = isTrivial ? random.below(kMagnitudeLevels) : options.randMagnitude;
    double magnitude = magnitudeOf(operation, options.policy, level, image.height, image.width);
    if (isSigned(operation) && random.below(2))
      magnitude = -magnitude;
    apply(operation, magnitude, image, scratch);
  }
}

/// Overwrites a rectangle of a part of the area and with an aspect ratio as in the paper and in torchvision.
void eraseRectangle(const AugmentOptions &options, ArrayRef<uint8_t> mean, Random &random, const ImagePlanes &image) {
  constexpr int kAttempts = 10;
  constexpr double kSmallest = 0.02, kLargest = 0.33, kFlattest = 0.3, kSteepest = 3.3;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    double area = static_cast<double>(image.planeSize()) * random.uniform(kSmallest, kLargest);
    double ratio = std::exp(random.uniform(std::log(kFlattest), std::log(kSteepest)));
    int64_t height = std::lrint(std::sqrt(area * ratio)), width = std::lrint(std::sqrt(area / ratio));
    if (height >= image.height || width >= image.width)
      continue;
    int64_t top = random.below(image.height - height + 1), left = random.below(image.width - width + 1);
    for (int64_t channel = 0; channel < image.channels; ++channel)
      for (int64_t y = top; y < top + height; ++y) {
        uint8_t *row = image.pixels + channel * image.planeSize() + y * image.width + left;
        for (int64_t x = 0; x < width; ++x)
          row[x] = options.eraseFill == EraseFill::mean ? mean[channel] : static_cast<uint8_t>(random.below(256));
      }
    return;
  }
}

} // namespace

Error checkOptions(const AugmentOptions &options, int64_t height, int64_t width) {
  int64_t side = std::min(height, width);
  if (options.cropPadding < 0 || options.cropPadding >= side)
    return makeError("expected crops to move images of {0} x {1} pixels by 0 to {2}, found {3}", width, height,
                     side - 1, options.cropPadding);
  if (options.randOperations < 1)
    return makeError("expected RandAugment to use at least one operation, found {0}", options.randOperations);
  if (options.randMagnitude < 0 || options.randMagnitude >= kMagnitudeLevels)
    return makeError("expected a magnitude of RandAugment from 0 to {0}, found {1}", kMagnitudeLevels - 1,
                     options.randMagnitude);
  if (!(options.erase >= 0 && options.erase <= 1))
    return makeError("expected a probability of random erasing from 0 to 1, found {0}", options.erase);
  return Error::success();
}

double magnitudeOf(ImageOperation operation, AugmentPolicy policy, int64_t level, int64_t height, int64_t width) {
  const Range &range = kRanges[static_cast<int64_t>(operation)];
  bool isTrivial = policy == AugmentPolicy::trivial;
  double last = isTrivial ? range.trivial : range.rand;
  switch (operation) {
  case ImageOperation::translateX:
    return linspace(0, isTrivial ? last : last * static_cast<double>(width), level);
  case ImageOperation::translateY:
    return linspace(0, isTrivial ? last : last * static_cast<double>(height), level);
  case ImageOperation::posterize:
    return 8 - std::rint(static_cast<double>(level) * last / (kMagnitudeLevels - 1));
  case ImageOperation::solarize:
    return linspace(last, 0, level);
  default:
    return linspace(0, last, level);
  }
}

bool isSigned(ImageOperation operation) { return kRanges[static_cast<int64_t>(operation)].isSigned; }

void augment(ArrayRef<uint8_t> source, const AugmentOptions &options, ArrayRef<uint8_t> mean, Random random,
             const ImagePlanes &image, ImageScratch &scratch) {
  crop(source, options, random, image, scratch);
  applyPolicy(options, random, image, scratch);
  if (random.uniform() < options.erase)
    eraseRectangle(options, mean, random, image);
}

} // namespace vitya
