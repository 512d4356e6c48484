// Properties of GPTQ: a reference with the formulas of the paper, bounds of the error, and degenerate second moments.
#include "passes/numerics/Gptq.h"
#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <algorithm>
#include <gtest/gtest.h>
#include <random>

namespace {

using namespace vitya::numerics;
using Eigen::Index;
using Eigen::MatrixXd;

MatrixXd normal(Index rows, Index columns, unsigned seed) {
  std::mt19937 engine{seed};
  std::normal_distribution<double> distribution;
  return MatrixXd::NullaryExpr(rows, columns, [&] { return distribution(engine); });
}

/// The second moment of correlated samples, more than there are columns.
MatrixXd secondMoment(Index width, unsigned seed) {
  MatrixXd samples = normal(3 * width, width, seed) * normal(width, width, seed + 1);
  return samples.transpose() * samples / double(samples.rows());
}

/// H + D for the damping D that `settings` ask for.
MatrixXd damped(const MatrixXd &second, GptqSettings settings) {
  MatrixXd result = second;
  result.diagonal().array() += settings.damping * second.trace() / double(second.rows());
  return result;
}

class GptqTest : public testing::TestWithParam<int> {
protected:
  /// Wider than a block of columns.
  static constexpr Index kRows = 24, kWidth = 100;
  Levels levels = signedLevels(GetParam());
  MatrixXd weight = normal(kRows, kWidth, 3), second = secondMoment(kWidth, 4);
  std::vector<float> scales = weightScales(weight.cast<float>(), /*perChannel=*/true, GetParam());
  QuantizedWeight nearest = quantizeWeight(weight.cast<float>(), /*perChannel=*/true, GetParam());
};

/// The formulas of the paper: with H^(-1) = U^T U, the error of column k, divided by U_kk, moves the columns after it.
RowMajorOf<int8_t> roundAsInPaper(MatrixXd weight, const std::vector<float> &scales, Levels levels, const MatrixXd &h) {
  MatrixXd u = Eigen::LLT<MatrixXd>(h.inverse()).matrixU();
  RowMajorOf<int8_t> result(weight.rows(), weight.cols());
  for (Index k = 0; k < weight.cols(); ++k)
    for (Index row = 0; row < weight.rows(); ++row) {
      double scale = scales[size_t(row)];
      double level = std::clamp<double>(std::nearbyint(weight(row, k) / scale), levels.min, levels.max);
      result(row, k) = int8_t(level);
      double error = (weight(row, k) - level * scale) / u(k, k);
      weight.row(row).tail(weight.cols() - k) -= error * u.row(k).tail(weight.cols() - k);
    }
  return result;
}

TEST_P(GptqTest, IsTheAlgorithmOfThePaper) {
  GptqSettings settings{0.01, ColumnOrder::natural};
  QuantizedWeight rounded = Gptq(second, settings).round(weight, scales, levels);
  EXPECT_EQ(rounded.values, roundAsInPaper(weight, scales, levels, damped(second, settings)));
}

TEST_P(GptqTest, OrdersColumnsByTheDiagonal) {
  std::vector<Index> order(kWidth);
  for (Index k = 0; k < kWidth; ++k)
    order[size_t(k)] = k;
  std::sort(order.begin(), order.end(), [&](Index a, Index b) { return second(a, a) > second(b, b); });
  QuantizedWeight sorted =
      Gptq(second(order, order), {0.01, ColumnOrder::natural}).round(weight(Eigen::all, order), scales, levels);
  QuantizedWeight rounded = Gptq(second, {0.01, ColumnOrder::descending}).round(weight, scales, levels);
  EXPECT_EQ(RowMajorOf<int8_t>(rounded.values(Eigen::all, order)), sorted.values);
}

// The mean squared error of GPTQ is that of a uniform error in (-s R_kk / 2, s R_kk / 2) for each column, and R_kk^2 is
// at most the H_kk of rounding to nearest. The comparison is of sums over 24 rows. Two per cent allow for the damping,
// which GPTQ minimises the error with.
TEST_P(GptqTest, IsNotWorseThanNearest) {
  for (unsigned seed = 0; seed < 10; ++seed)
    for (double damping : {1e-4, 1e-2})
      for (ColumnOrder order : {ColumnOrder::natural, ColumnOrder::descending}) {
        MatrixXd moment = secondMoment(kWidth, 10 + 2 * seed);
        Gptq gptq(moment, {damping, order});
        EXPECT_LE(outputError(weight, gptq.round(weight, scales, levels), moment),
                  1.02 * outputError(weight, nearest, moment));
      }
}

TEST_P(GptqTest, ErrorIsBoundedWithoutClipping) {
  GptqSettings settings{0.01, ColumnOrder::descending};
  std::vector<float> wide(kRows, 100 * *std::max_element(scales.begin(), scales.end()));
  double bound = double(wide[0]) * wide[0] / 4 * damped(second, settings).trace() * kRows;
  EXPECT_LE(outputError(weight, Gptq(second, settings).round(weight, wide, levels), damped(second, settings)),
            bound * (1 + 1e-6));
}

TEST_P(GptqTest, IsNearestForUncorrelatedInputs) {
  for (const MatrixXd &moment : {MatrixXd(second.diagonal().asDiagonal()), MatrixXd(MatrixXd::Zero(kWidth, kWidth))})
    for (ColumnOrder order : {ColumnOrder::natural, ColumnOrder::descending})
      EXPECT_EQ(Gptq(moment, {0.01, order}).round(weight, scales, levels).values, nearest.values);
}

TEST_P(GptqTest, SingularMomentsAreDamped) {
  MatrixXd sample = normal(1, kWidth, 5), moment = sample.transpose() * sample;
  EXPECT_TRUE(isSingular(moment));
  EXPECT_FALSE(isSingular(damped(moment, {0.01, ColumnOrder::natural})));
  for (double damping : {1e-4, 1e-1}) {
    QuantizedWeight rounded = Gptq(moment, {damping, ColumnOrder::descending}).round(weight, scales, levels);
    EXPECT_LE(rounded.values.maxCoeff(), levels.max);
    EXPECT_GE(rounded.values.minCoeff(), levels.min);
    EXPECT_LE(outputError(weight, rounded, moment), 0.1 * outputError(weight, nearest, moment));
  }
}

TEST_P(GptqTest, IntegersStayInsideTheLevels) {
  std::vector<float> narrow = scales;
  for (float &scale : narrow)
    scale /= 4;
  QuantizedWeight rounded = Gptq(second, {}).round(weight, narrow, levels);
  EXPECT_LE(rounded.values.maxCoeff(), levels.max);
  EXPECT_GE(rounded.values.minCoeff(), levels.min);
}

TEST_P(GptqTest, ChoosesScalesOfLeastError) {
  GptqSettings settings{0.01, ColumnOrder::descending};
  Gptq gptq(second, settings);
  MatrixXd h = damped(second, settings);
  QuantizedWeight plain = gptq.round(weight, scales, levels), scaled = gptq.roundAndScale(weight, scales, levels);
  for (Index row = 0; row < kRows; ++row) {
    auto errorOf = [&](const QuantizedWeight &rounded) {
      return outputError(weight.row(row), {rounded.values.row(row), {rounded.scales[size_t(row)]}}, h);
    };
    EXPECT_LE(errorOf(scaled), errorOf(plain) * (1 + 1e-5));
  }
}

TEST_P(GptqTest, OneScaleForAllRows) {
  float scale = *std::max_element(scales.begin(), scales.end());
  Gptq gptq(second, {});
  EXPECT_EQ(gptq.round(weight, {scale}, levels).values,
            gptq.round(weight, std::vector<float>(kRows, scale), levels).values);
  EXPECT_EQ(gptq.roundAndScale(weight, {scale}, levels).scales.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Bits, GptqTest, testing::Values(4, 5, 8));

TEST(Gptq, SolvesWithTheDampedMoment) {
  MatrixXd second = secondMoment(20, 6), matrix = normal(5, 20, 7);
  for (ColumnOrder order : {ColumnOrder::natural, ColumnOrder::descending}) {
    GptqSettings settings{0.01, order};
    EXPECT_LE((Gptq(second, settings).solve(matrix) * damped(second, settings) - matrix).norm(), 1e-9 * matrix.norm());
  }
}

} // namespace
