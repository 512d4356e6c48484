// Tests of the changes of training images, with expectations of torchvision (test/Inputs/augment).
#include "frontend/data/Augment.h"
#include "frontend/data/Dataset.h"
#include "runtime/image/Decode.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/CRC.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cmath>
#include <gtest/gtest.h>
#include <map>

using namespace vitya;
using llvm::ArrayRef;
using llvm::StringRef;

namespace {

const std::string kSource = VITYA_SOURCE;

constexpr StringRef kNames[kImageOperations] = {
    "Identity", "ShearX",   "ShearY",    "TranslateX", "TranslateY", "Rotate",       "Brightness",
    "Color",    "Contrast", "Sharpness", "Posterize",  "Solarize",   "AutoContrast", "Equalize",
};

ImageOperation operationOf(StringRef name) {
  return static_cast<ImageOperation>(llvm::find(kNames, name) - std::begin(kNames));
}

AugmentPolicy policyOf(StringRef name) { return name == "trivial" ? AugmentPolicy::trivial : AugmentPolicy::rand; }

/// Pixels and their size.
struct Planes {
  std::vector<uint8_t> pixels;
  int64_t channels, height, width;

  ImagePlanes planes() { return {pixels.data(), channels, height, width}; }
};

/// A record of the demo's images, or a picture, which is grey if its name says so.
Planes load(StringRef name) {
  unsigned index;
  if (!name.getAsInteger(10, index)) {
    auto file = llvm::cantFail(
        llvm::errorOrToExpected(llvm::MemoryBuffer::getFile(kSource + "/tools/demo/test-1000.bin", false, false)));
    const char *record = file->getBufferStart() + 3073 * index;
    return {{record + 1, record + 3073}, 3, 32, 32};
  }
  Image image;
  char error[256];
  int64_t channels = name.starts_with("gray") ? 1 : 3;
  EXPECT_TRUE(readImage((kSource + "/test/Inputs/pictures/" + name.str()).c_str(), channels, image, error, 256));
  Planes result{{}, channels, image.height, image.width};
  for (int64_t channel = 0; channel < channels; ++channel)
    for (int64_t i = 0; i < image.height * image.width; ++i)
      result.pixels.push_back(image.pixels[i * channels + channel]);
  freeImage(image);
  return result;
}

TEST(Augment, OperationsAreThoseOfTorchvision) {
  auto file = llvm::cantFail(
      llvm::errorOrToExpected(llvm::MemoryBuffer::getFile(kSource + "/test/Inputs/augment/expected.txt")));
  llvm::SmallVector<StringRef> lines, words;
  file->getBuffer().split(lines, '\n', -1, false);
  int64_t magnitudes = 0, checksums = 0;
  std::map<StringRef, Planes> images;
  ImageScratch scratch;
  for (StringRef line : lines) {
    words.clear();
    line.split(words, ' ');
    if (words[0] == "magnitudes") {
      int64_t height = std::stoi(words[3].str()), width = std::stoi(words[4].str());
      for (auto [level, word] : llvm::enumerate(ArrayRef(words).drop_front(5)))
        EXPECT_EQ(magnitudeOf(operationOf(words[2]), policyOf(words[1]), level, height, width), std::stod(word.str()))
            << line.substr(0, 40).str() << " level " << level;
      magnitudes += words.size() - 5;
      continue;
    }
    auto [image, isNew] = images.try_emplace(words[1]);
    if (isNew)
      image->second = load(words[1]);
    ImageOperation operation = operationOf(words[3]);
    for (auto [level, word] : llvm::enumerate(ArrayRef(words).drop_front(4))) {
      double magnitude = magnitudeOf(operation, policyOf(words[2]), level, image->second.height, image->second.width);
      uint32_t checksum = 0;
      for (double factor : {1, -1}) {
        if (factor < 0 && !isSigned(operation))
          continue;
        Planes changed = image->second;
        apply(operation, factor * magnitude, changed.planes(), scratch);
        checksum = llvm::crc32(checksum, changed.pixels);
      }
      EXPECT_EQ(checksum, std::stoul(word.str(), nullptr, 16)) << line.substr(0, 40).str() << " level " << level;
    }
    checksums += words.size() - 4;
  }
  EXPECT_EQ(magnitudes, 1376);
  EXPECT_EQ(checksums, 3440);
}

/// An image whose pixels all differ, each in both channels.
Planes numbered(int64_t height, int64_t width) {
  Planes result{{}, 2, height, width};
  for (int64_t i = 0; i < 2 * height * width; ++i)
    result.pixels.push_back(static_cast<uint8_t>(1 + i));
  return result;
}

Planes augmented(Planes &source, const AugmentOptions &options, uint64_t seed, ArrayRef<uint8_t> mean = {}) {
  Planes result = source;
  ImageScratch scratch;
  augment(source.pixels, options, mean, Random(1, 0, seed), result.planes(), scratch);
  return result;
}

/// The pixel of `image` that a crop moved by (x, y) and mirrored would have.
int expectedPixel(const Planes &image, int64_t channel, int64_t y, int64_t x, CropBorder border) {
  auto inside = [&](int64_t &index, int64_t size) {
    bool isInside = index >= 0 && index < size;
    index = index < 0 ? -index : index >= size ? 2 * size - 2 - index : index;
    return isInside || border == CropBorder::reflect;
  };
  bool isRow = inside(y, image.height), isColumn = inside(x, image.width);
  return isRow && isColumn ? image.pixels[(channel * image.height + y) * image.width + x] : 0;
}

// Every crop is the source moved by at most the padding, each movement and each orientation is equally frequent.
TEST(Augment, CropsAndFlipsAreUniform) {
  Planes source = numbered(7, 9);
  for (CropBorder border : {CropBorder::zero, CropBorder::reflect}) {
    AugmentOptions options;
    options.cropPadding = 2;
    options.cropBorder = border;
    std::map<std::vector<uint8_t>, int> found;
    constexpr int kDraws = 5000;
    for (int seed = 0; seed < kDraws; ++seed)
      ++found[augmented(source, options, seed).pixels];
    std::map<std::vector<uint8_t>, int> expected;
    for (int top = -2; top <= 2; ++top)
      for (int left = -2; left <= 2; ++left)
        for (bool mirror : {false, true}) {
          std::vector<uint8_t> pixels;
          for (int channel = 0; channel < 2; ++channel)
            for (int y = 0; y < 7; ++y)
              for (int x = 0; x < 9; ++x)
                pixels.push_back(expectedPixel(source, channel, y + top, (mirror ? 8 - x : x) + left, border));
          expected[pixels] = kDraws / 50;
        }
    ASSERT_EQ(expected.size(), 50u);
    ASSERT_EQ(found.size(), 50u);
    double chiSquare = 0;
    for (const auto &[pixels, count] : expected)
      chiSquare += std::pow(found[pixels] - count, 2) / count;
    EXPECT_LT(chiSquare, 85); // exceeded with a probability of 0.001
  }
}

TEST(Augment, NothingIsChangedWithoutOptions) {
  Planes source = numbered(7, 9);
  AugmentOptions options;
  options.cropPadding = 0;
  options.flip = false;
  for (int seed = 0; seed < 10; ++seed)
    EXPECT_EQ(augmented(source, options, seed).pixels, source.pixels);
}

// Each operation, level and sign of TrivialAugment occurs; RandAugment draws a pair of operations.
TEST(Augment, PoliciesDrawAllOperations) {
  Planes source = load("0");
  AugmentOptions options;
  options.cropPadding = 0;
  options.flip = false;
  auto resultsOf = [&](AugmentPolicy policy, int draws) {
    options.policy = policy;
    std::map<std::vector<uint8_t>, int> results;
    for (int seed = 0; seed < draws; ++seed)
      ++results[augmented(source, options, seed).pixels];
    return results;
  };
  // What a single operation can make of the image, and how often.
  std::map<std::vector<uint8_t>, double> expected;
  ImageScratch scratch;
  for (int64_t i = 0; i < kImageOperations; ++i)
    for (int64_t level = 0; level < kMagnitudeLevels; ++level)
      for (double factor : {1, -1}) {
        auto operation = static_cast<ImageOperation>(i);
        Planes changed = source;
        apply(operation,
              (isSigned(operation) ? factor : 1) * magnitudeOf(operation, AugmentPolicy::trivial, level, 32, 32),
              changed.planes(), scratch);
        expected[changed.pixels] += 1.0 / (2 * kImageOperations * kMagnitudeLevels);
      }
  constexpr int kDraws = 20000;
  std::map<std::vector<uint8_t>, int> trivial = resultsOf(AugmentPolicy::trivial, kDraws);
  double chiSquare = 0;
  for (const auto &[pixels, probability] : expected)
    chiSquare += std::pow(trivial[pixels] - kDraws * probability, 2) / (kDraws * probability);
  EXPECT_EQ(trivial.size(), expected.size()); // there are no others
  auto freedom = static_cast<double>(expected.size() - 1);
  EXPECT_LT(chiSquare, freedom + 4 * std::sqrt(2 * freedom));

  options.randOperations = 1;
  size_t one = resultsOf(AugmentPolicy::rand, 1000).size();
  EXPECT_EQ(one, 9u * 2 + 5); // nine operations with two signs each
  options.randOperations = 2;
  EXPECT_GT(resultsOf(AugmentPolicy::rand, 4000).size(), 8 * one);
}

// An erased rectangle covers 2 to 33 % of the image, apart from what rounding of its sides changes.
TEST(Augment, ErasesRectangles) {
  Planes source{std::vector<uint8_t>(3 * 32 * 32, 7), 3, 32, 32};
  AugmentOptions options;
  options.erase = 0.25;
  options.cropPadding = 0;
  for (EraseFill fill : {EraseFill::mean, EraseFill::noise}) {
    options.eraseFill = fill;
    int erased = 0;
    std::vector<int64_t> noise(256), columns(32);
    for (int seed = 0; seed < 2000; ++seed) {
      Planes result = augmented(source, options, seed, {1, 2, 3});
      int64_t top = 32, left = 32, bottom = 0, right = 0;
      for (int64_t i = 0; i < 3 * 1024; ++i)
        if (result.pixels[i] != 7) {
          top = std::min(top, i % 1024 / 32), bottom = std::max(bottom, i % 1024 / 32 + 1);
          left = std::min(left, i % 32), right = std::max(right, i % 32 + 1);
        }
      if (bottom == 0)
        continue;
      ++erased;
      int64_t area = (bottom - top) * (right - left);
      EXPECT_TRUE(area >= 0.8 * 0.02 * 1024 && area <= 1.1 * 0.33 * 1024) << area;
      for (int64_t channel = 0; channel < 3; ++channel)
        for (int64_t y = top; y < bottom; ++y)
          for (int64_t x = left; x < right; ++x) {
            uint8_t value = result.pixels[channel * 1024 + y * 32 + x];
            EXPECT_TRUE(fill == EraseFill::noise || value == channel + 1);
            ++noise[value];
          }
    }
    EXPECT_NEAR(erased, 500, 80);
    // Some 230,000 values.
    EXPECT_TRUE(fill == EraseFill::mean || *llvm::max_element(noise) < 1.25 * *llvm::min_element(noise));
  }
}

TEST(Augment, OptionsOutOfRange) {
  auto errorOf = [](auto set) {
    AugmentOptions options;
    set(options);
    return llvm::toString(checkOptions(options, 32, 30));
  };
  EXPECT_EQ(errorOf([](AugmentOptions &options) {}), "");
  EXPECT_EQ(errorOf([](AugmentOptions &options) { options.cropPadding = 30; }),
            "expected crops to move images of 30 x 32 pixels by 0 to 29, found 30");
  EXPECT_EQ(errorOf([](AugmentOptions &options) { options.randOperations = 0; }),
            "expected RandAugment to use at least one operation, found 0");
  EXPECT_EQ(errorOf([](AugmentOptions &options) { options.randMagnitude = 31; }),
            "expected a magnitude of RandAugment from 0 to 30, found 31");
  EXPECT_EQ(errorOf([](AugmentOptions &options) { options.erase = NAN; }),
            "expected a probability of random erasing from 0 to 1, found nan");
}

} // namespace
