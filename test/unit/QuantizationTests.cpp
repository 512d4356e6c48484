// Properties of affine quantization, histograms and observers.
#include "passes/numerics/Observers.h"
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace {

using namespace vitya::numerics;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kDenormal = std::numeric_limits<float>::denorm_min();

/// `count` normally distributed values, the same in every run.
std::vector<float> normal(int64_t count, float mean, float deviation, unsigned seed = 7) {
  std::mt19937 engine{seed};
  std::normal_distribution<float> distribution{mean, deviation};
  std::vector<float> values(count);
  std::generate(values.begin(), values.end(), [&] { return distribution(engine); });
  return values;
}

Observer observe(const std::vector<float> &values) {
  Observer observer(1);
  observer.add(0, values.data(), int64_t(values.size()));
  return observer;
}

//===----------------------------------------------------------------------===//
// Affine parameters
//===----------------------------------------------------------------------===//

class AffineTest : public testing::TestWithParam<Range> {
protected:
  AffineParameters parameters = affineParameters(GetParam());
};

TEST_P(AffineTest, ScaleIsNormalWithFiniteReciprocal) {
  EXPECT_TRUE(std::isnormal(parameters.scale));
  EXPECT_TRUE(std::isnormal(1.0f / parameters.scale));
  EXPECT_GE(parameters.zeroPoint, parameters.levels.min);
  EXPECT_LE(parameters.zeroPoint, parameters.levels.max);
}

TEST_P(AffineTest, ZeroIsExact) {
  EXPECT_EQ(parameters.quantize(0), parameters.zeroPoint);
  EXPECT_EQ(parameters.dequantize(parameters.zeroPoint), 0);
}

TEST_P(AffineTest, IsIdempotent) {
  for (int32_t q = parameters.levels.min; q <= parameters.levels.max; ++q)
    EXPECT_EQ(parameters.quantize(parameters.dequantize(q)), q);
}

TEST_P(AffineTest, ErrorIsHalfAStepInsideAndClampedOutside) {
  Range range = parameters.range();
  double half = 0.5 * double(parameters.scale) * (1 + 1e-4);
  for (int i = 0; i <= 1000; ++i) {
    float x = float(range.min + (double(range.max) - range.min) * i / 1000);
    EXPECT_LE(std::abs(double(parameters.dequantize(parameters.quantize(x))) - x), half) << x;
  }
  EXPECT_EQ(parameters.quantize(kLargest), parameters.levels.max);
  EXPECT_EQ(parameters.quantize(-kLargest), parameters.levels.min);
  EXPECT_EQ(parameters.quantize(kInfinity), parameters.levels.max);
  EXPECT_EQ(parameters.quantize(-kInfinity), parameters.levels.min);
}

TEST_P(AffineTest, RangeIsCoveredToHalfAStep) {
  Range requested = GetParam(), found = parameters.range();
  EXPECT_LE(found.min, std::min(0.0, requested.min + 0.5001 * parameters.scale));
  EXPECT_GE(found.max, std::max(0.0, requested.max - 0.5001 * parameters.scale));
}

INSTANTIATE_TEST_SUITE_P(Ranges, AffineTest,
                         testing::Values(Range{-1, 2}, Range{0, 6}, Range{-3, 0}, Range{2, 5}, Range{-5, -2},
                                         Range{0, 0}, Range{1, 1}, Range{-1, -1}, Range{0, kDenormal},
                                         Range{-kDenormal, 0}, Range{-1e-30f, 1e30f}, Range{-1e38f, 1e38f},
                                         Range{0, 3e38f}));

TEST(Affine, SymmetricIsAffineWithZeroPointZero) {
  AffineParameters symmetric = symmetricParameters(3.5f);
  AffineParameters affine = affineParameters({-3.5f, 3.5f}, kSignedLevels);
  EXPECT_EQ(affine.zeroPoint, 0);
  EXPECT_EQ(symmetric.zeroPoint, 0);
  EXPECT_EQ(symmetric.scale, affine.scale);
  for (float x : normal(1000, 0, 2))
    EXPECT_EQ(symmetric.quantize(x), affine.quantize(x));
}

TEST(Affine, TiesGoToEven) {
  AffineParameters parameters = affineParameters({0, 255});
  ASSERT_EQ(parameters.scale, 1);
  EXPECT_EQ(parameters.quantize(0.5f), 0);
  EXPECT_EQ(parameters.quantize(1.5f), 2);
  EXPECT_EQ(parameters.quantize(2.5f), 2);
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

RowMajorOf<float> randomWeight() {
  std::vector<float> values = normal(16 * 32, 0, 1);
  RowMajorOf<float> weight = Eigen::Map<RowMajorOf<float>>(values.data(), 16, 32);
  for (Eigen::Index row = 0; row < 16; ++row)
    weight.row(row) *= std::pow(0.5f, float(row));
  weight.row(15).setZero();
  return weight;
}

TEST(Weights, ErrorIsHalfAStepOfTheRow) {
  RowMajorOf<float> weight = randomWeight();
  QuantizedWeight quantized = quantizeWeight(weight, /*perChannel=*/true, 8);
  ASSERT_EQ(quantized.scales.size(), 16u);
  RowMajorOf<float> error = (quantized.dequantize() - weight).cwiseAbs();
  for (Eigen::Index row = 0; row < 16; ++row)
    EXPECT_LE(error.row(row).maxCoeff(), 0.5001f * quantized.scales[row]);
  EXPECT_EQ(quantized.values.cast<int>().cwiseAbs().maxCoeff(), 127);
  EXPECT_EQ(quantized.scales[15], 1);
  QuantizedWeight again = quantizeWeight(quantized.dequantize(), /*perChannel=*/true, 8);
  EXPECT_EQ(again.values, quantized.values);
}

TEST(Weights, OneScaleServesTheLargestRow) {
  RowMajorOf<float> weight = randomWeight();
  QuantizedWeight quantized = quantizeWeight(weight, /*perChannel=*/false, 8);
  ASSERT_EQ(quantized.scales.size(), 1u);
  EXPECT_EQ(quantized.scales[0], symmetricParameters(weight.cwiseAbs().maxCoeff()).scale);
  EXPECT_GT((quantized.dequantize() - weight).norm(), (quantizeWeight(weight, true, 8).dequantize() - weight).norm());
}

TEST(Weights, NarrowIntegersAreInTheirRange) {
  RowMajorOf<float> weight = randomWeight();
  for (int bits = 4; bits <= 8; ++bits)
    for (bool perChannel : {false, true}) {
      QuantizedWeight quantized = quantizeWeight(weight, perChannel, bits);
      EXPECT_EQ(quantized.values.cast<int>().maxCoeff(), signedLevels(bits).max);
      EXPECT_GE(quantized.values.cast<int>().minCoeff(), signedLevels(bits).min);
      EXPECT_EQ(quantized.scales, weightScales(weight, perChannel, bits));
    }
}

TEST(Weights, FewBitsClipWhereThisLowersTheError) {
  RowMajorOf<float> weight = randomWeight();
  for (int bits = 4; bits < 8; ++bits) {
    QuantizedWeight quantized = quantizeWeight(weight, /*perChannel=*/true, bits);
    RowMajorOf<float> chosen = quantized.dequantize();
    bool clips = false;
    for (Eigen::Index row = 0; row < weight.rows(); ++row) {
      float covering = symmetricParameters(weight.row(row).cwiseAbs().maxCoeff(), signedLevels(bits)).scale;
      EXPECT_LE(quantized.scales[row], covering);
      EXPECT_GE(quantized.scales[row], 0.4999f * covering);
      clips |= quantized.scales[row] < covering;
      // No scale of a finer grid between the ends is much better.
      for (float share = 0.5f; share <= 1; share += 0.005f) {
        AffineParameters other{share * covering, 0, signedLevels(bits)};
        Eigen::VectorXf rounded =
            weight.row(row).unaryExpr([&](float x) { return other.dequantize(other.quantize(x)); });
        EXPECT_LE((chosen.row(row) - weight.row(row)).squaredNorm(),
                  1.3f * (rounded.transpose() - weight.row(row)).squaredNorm() + 1e-12f);
      }
    }
    EXPECT_EQ(clips, bits < 7) << bits;
  }
}

TEST(Weights, DistortionIsSquaredErrorOverSquares) {
  // With one scale of 0.02 the first two values lie halfway between two levels, and the third is a level.
  RowMajorOf<float> weight(2, 2);
  weight << 1.27f, -1.27f, 2.54f, 0;
  Distortion one = distortionOf(weight, quantizeWeight(weight, /*perChannel=*/false, 8));
  EXPECT_NEAR(one.relativeNoise(), 2 * 0.01 * 0.01 / (2 * 1.27 * 1.27 + 2.54 * 2.54), 1e-9);
  EXPECT_NEAR(*signalToNoise(one.relativeNoise()), 46.847, 1e-3);
  EXPECT_EQ(distortionOf(weight, quantizeWeight(weight, /*perChannel=*/true, 8)).relativeNoise(), 0);
  EXPECT_FALSE(signalToNoise(0));
  weight.setZero();
  EXPECT_EQ(distortionOf(weight, quantizeWeight(weight, /*perChannel=*/true, 8)).relativeNoise(), 0);
}

//===----------------------------------------------------------------------===//
// Smoothing
//===----------------------------------------------------------------------===//

TEST(Smoothing, KeepsProductsAndEvensMagnitudes) {
  Eigen::VectorXf input(4), weight(4);
  input << 100, 1, 0, 4;
  weight << 1, 1, 3, 0;
  Eigen::VectorXf factors = smoothingFactors(input, weight, 0.5);
  EXPECT_FLOAT_EQ(factors[0], 10);
  EXPECT_FLOAT_EQ(input[0] / factors[0], weight[0] * factors[0]);
  EXPECT_FLOAT_EQ(factors[1], 1);
  EXPECT_EQ(factors[2], 1);
  EXPECT_EQ(factors[3], 1);
  EXPECT_FLOAT_EQ(smoothingFactors(input, weight, 1)[0], 100);
  EXPECT_TRUE(smoothingFactors(Eigen::VectorXf::Constant(1, kLargest), Eigen::VectorXf::Constant(1, kDenormal), 0.5)
                  .allFinite());
}

//===----------------------------------------------------------------------===//
// Histograms
//===----------------------------------------------------------------------===//

void expectSame(const Histogram &a, const Histogram &b) {
  ASSERT_EQ(a.bins(), b.bins());
  EXPECT_EQ(a.total(), b.total());
  EXPECT_EQ(a.min(), b.min());
  EXPECT_EQ(a.max(), b.max());
  EXPECT_EQ(a.width(), b.width());
  for (int64_t i = 0; i < a.bins(); ++i) {
    EXPECT_EQ(a.edge(i), b.edge(i));
    EXPECT_EQ(a.count(i), b.count(i));
  }
}

TEST(Histogram, OrderDoesNotMatter) {
  std::vector<std::vector<float>> blocks;
  for (float deviation : {0.0f, 1e-6f, 1.0f, 0.01f, 1e5f, 30.0f})
    blocks.push_back(normal(500, 0.1f * deviation, deviation, unsigned(blocks.size())));
  blocks.push_back({1e-40f, -1e-40f, 0.0f, kDenormal});
  std::vector<int> order(blocks.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = int(i);
  Histogram reference;
  for (int i : order)
    reference.add(blocks[i].data(), int64_t(blocks[i].size()));
  EXPECT_LE(reference.bins(), Histogram::kMaxBins);
  EXPECT_GT(reference.bins(), Histogram::kMaxBins / 2 - 1);
  std::mt19937 engine{1};
  for (int round = 0; round < 20; ++round) {
    std::shuffle(order.begin(), order.end(), engine);
    Histogram all, parts[2];
    for (int i : order) {
      all.add(blocks[i].data(), int64_t(blocks[i].size()));
      parts[i % 2].add(blocks[i].data(), int64_t(blocks[i].size()));
    }
    parts[round % 2].add(parts[1 - round % 2]);
    expectSame(all, reference);
    expectSame(parts[round % 2], reference);
  }
}

TEST(Histogram, CountsEveryValueInItsBin) {
  std::vector<float> values = normal(3000, 1, 2);
  Histogram histogram;
  histogram.add(values.data(), 3000);
  int64_t sum = 0;
  for (int64_t i = 0; i < histogram.bins(); ++i) {
    sum += histogram.count(i);
    EXPECT_EQ(histogram.count(i), std::count_if(values.begin(), values.end(), [&](float value) {
                return value >= histogram.edge(i) && value < histogram.edge(i + 1);
              }));
  }
  EXPECT_EQ(sum, 3000);
  EXPECT_EQ(histogram.edge(histogram.zeroBin()), 0);
}

TEST(Histogram, CoversAllOfF32) {
  std::vector<float> values = {-kLargest, kLargest, 0, kDenormal, -kDenormal};
  Histogram histogram;
  histogram.add(values.data(), 5);
  EXPECT_EQ(histogram.total(), 5);
  EXPECT_LE(histogram.bins(), Histogram::kMaxBins);
}

TEST(Histogram, QuantilesAreThoseOfTheValues) {
  std::vector<float> values = normal(20000, 0.5f, 1);
  Histogram histogram;
  histogram.add(values.data(), 20000);
  std::sort(values.begin(), values.end());
  for (double share : {0.001, 0.1, 0.5, 0.9, 0.999})
    EXPECT_NEAR(histogram.quantile(share), values[size_t(share * 20000)], 0.05);
  EXPECT_EQ(histogram.quantile(0), double(values.front()));
  EXPECT_EQ(histogram.quantile(1), double(values.back()));
}

//===----------------------------------------------------------------------===//
// Distortion
//===----------------------------------------------------------------------===//

/// The distortion of `values`, computed without a histogram.
Distortion measure(const std::vector<float> &values, const AffineParameters &parameters) {
  Distortion result;
  for (float value : values) {
    double error = double(parameters.dequantize(parameters.quantize(value))) - value;
    result.signal += double(value) * value / double(values.size());
    result.noise += error * error / double(values.size());
    result.clipped += (std::abs(error) > 0.5001 * parameters.scale) / double(values.size());
  }
  return result;
}

TEST(Distortion, IsThatOfTheValues) {
  std::vector<float> values = normal(100000, 0.3f, 1);
  Observer observer = observe(values);
  for (AffineParameters parameters :
       {affineParameters({-4, 4}), affineParameters({-1, 2}), affineParameters({-0.1f, 0.1f}), symmetricParameters(3),
        symmetricParameters(0.5f)}) {
    Distortion found = distortionOf(observer.histogram(), parameters), exact = measure(values, parameters);
    EXPECT_NEAR(found.signal, exact.signal, 1e-4 * exact.signal);
    EXPECT_NEAR(found.noise, exact.noise, 0.01 * exact.noise);
    EXPECT_NEAR(found.clipped, exact.clipped, 0.002);
  }
}

//===----------------------------------------------------------------------===//
// Observers
//===----------------------------------------------------------------------===//

class ObserverTest : public testing::TestWithParam<std::tuple<ObserverKind, Levels>> {
protected:
  Range range(const Observer &observer) const {
    return observer.range(std::get<ObserverKind>(GetParam()), std::get<Levels>(GetParam()));
  }
  AffineParameters parameters(const Observer &observer) const {
    return parametersOf(range(observer), std::get<Levels>(GetParam()));
  }
};

TEST_P(ObserverTest, RangeIncludesZeroAndIsWithinTheValues) {
  for (const std::vector<float> &values : {normal(5000, 0, 1), normal(5000, 10, 1), normal(5000, -10, 1),
                                           normal(5000, 0, 1e-20f), normal(5000, 0, 1e20f)}) {
    Observer observer = observe(values);
    Range found = range(observer);
    EXPECT_LE(found.min, 0);
    EXPECT_GE(found.max, 0);
    EXPECT_GE(found.min, observer.histogram().min());
    EXPECT_LE(found.max, observer.histogram().max());
    EXPECT_LT(found.min, found.max);
  }
}

TEST_P(ObserverTest, ConstantsAndEmptyHistogramsHaveAScale) {
  for (float constant : {0.0f, 3.0f, -3.0f, kDenormal, -3e38f, 3e38f}) {
    AffineParameters found = parameters(observe(std::vector<float>(1000, constant)));
    EXPECT_TRUE(std::isnormal(found.scale)) << constant;
    EXPECT_EQ(found.quantize(0), found.zeroPoint);
    EXPECT_NEAR(found.dequantize(found.quantize(constant)), constant, 0.02 * std::abs(constant) + 1e-38) << constant;
  }
  EXPECT_TRUE(std::isnormal(parameters(observe({})).scale));
}

TEST_P(ObserverTest, NonFiniteValuesAreIgnored) {
  std::vector<float> values = normal(1000, 0, 1);
  Range finite = range(observe(values));
  for (float bad : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> more = values;
    more.push_back(bad);
    Observer observer = observe(more);
    EXPECT_EQ(range(observer).min, finite.min);
    EXPECT_EQ(range(observer).max, finite.max);
  }
}

TEST_P(ObserverTest, OrderOfImagesDoesNotMatter) {
  Observer forwards(8), backwards(8);
  for (int i = 0; i < 8; ++i) {
    for (auto [observer, image] : {std::pair(&forwards, i), std::pair(&backwards, 7 - i)}) {
      std::vector<float> values = normal(1000, 0.1f * float(image), float(image + 1), unsigned(image));
      observer->add(image, values.data(), 1000);
    }
  }
  EXPECT_EQ(range(forwards).min, range(backwards).min);
  EXPECT_EQ(range(forwards).max, range(backwards).max);
}

INSTANTIATE_TEST_SUITE_P(Kinds, ObserverTest,
                         testing::Combine(testing::ValuesIn(kObserverKinds),
                                          testing::Values(kUnsignedLevels, kSignedLevels)));

TEST(Observers, MinMaxIsTheRange) {
  std::vector<float> values = normal(1000, 0, 1);
  Range found = observe(values).range(ObserverKind::minmax, kUnsignedLevels);
  EXPECT_EQ(found.min, *std::min_element(values.begin(), values.end()));
  EXPECT_EQ(found.max, *std::max_element(values.begin(), values.end()));
}

TEST(Observers, MovingAverageStartsWithTheFirstImage) {
  Observer observer(3);
  for (auto [image, max] : {std::pair(1, 5.0f), std::pair(0, 1.0f), std::pair(2, 2.0f)})
    observer.add(image, &max, 1);
  EXPECT_FLOAT_EQ(observer.range(ObserverKind::movingAverage, kUnsignedLevels).max,
                  1.04f + 0.01f * (2 - 1.04f)); // 1, then 1 + 0.01 (5 - 1)
}

TEST(Observers, PercentileLeavesOutOneInTenThousandAtEachEnd) {
  std::vector<float> values = normal(100000, 0, 1);
  Range found = observe(values).range(ObserverKind::percentile, kUnsignedLevels);
  EXPECT_NEAR(std::count_if(values.begin(), values.end(), [&](float x) { return x < found.min; }), 10, 3);
  EXPECT_NEAR(std::count_if(values.begin(), values.end(), [&](float x) { return x > found.max; }), 10, 3);
}

TEST(Observers, MseHasTheSmallestNoise) {
  std::vector<float> values = normal(20000, 0, 1);
  for (float &value : values)
    value *= value * value; // heavy tails
  Observer observer = observe(values);
  for (Levels levels : {kUnsignedLevels, kSignedLevels}) {
    auto noise = [&](ObserverKind kind) {
      return measure(values, parametersOf(observer.range(kind, levels), levels)).noise;
    };
    for (ObserverKind kind : kObserverKinds)
      EXPECT_LE(noise(ObserverKind::mse), 1.02 * noise(kind));
    EXPECT_LT(noise(ObserverKind::mse), 0.98 * noise(ObserverKind::minmax));
  }
}

TEST(Observers, EntropyClipsATailAndKeepsAUniformRange) {
  std::vector<float> values = normal(50000, 0, 1);
  values.push_back(40);
  EXPECT_LT(observe(values).range(ObserverKind::entropy, kUnsignedLevels).max, 20);
  std::mt19937 engine{3};
  std::uniform_real_distribution<float> uniform(0, 1);
  std::generate(values.begin(), values.end(), [&] { return uniform(engine); });
  EXPECT_GT(observe(values).range(ObserverKind::entropy, kUnsignedLevels).max, 0.95f);
}

} // namespace
