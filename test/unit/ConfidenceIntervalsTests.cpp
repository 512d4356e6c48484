// Confidence intervals against published values and values from their definitions.
#include "passes/numerics/ConfidenceIntervals.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace vitya::numerics;

namespace {

// Examples of Newcombe, Statistics in Medicine 17 (1998), table I, to the four digits that are printed there.
TEST(ConfidenceIntervals, Share) {
  Interval usual = intervalOfShare(81, 263), none = intervalOfShare(0, 20), few = intervalOfShare(1, 29);
  EXPECT_NEAR(usual.low, 0.2553, 5e-5);
  EXPECT_NEAR(usual.high, 0.3662, 5e-5);
  EXPECT_EQ(none.low, 0);
  EXPECT_NEAR(none.high, 0.1611, 5e-5);
  EXPECT_NEAR(few.low, 0.0061, 5e-5);
  EXPECT_NEAR(few.high, 0.1718, 5e-5);
  EXPECT_EQ(intervalOfShare(7, 7).high, 1);
}

// Without successes the bound is 1 - 0.05^(1/n), and with all but one it is 0.95^(1/n). The others are from sums of
// binomial probabilities.
TEST(ConfidenceIntervals, UpperBoundOfShare) {
  EXPECT_NEAR(upperBoundOfShare(0, 100), 1 - std::pow(0.05, 0.01), 1e-12);
  EXPECT_NEAR(upperBoundOfShare(9, 10), std::pow(0.95, 0.1), 1e-12);
  EXPECT_NEAR(upperBoundOfShare(2, 10), 0.5069013010632024, 1e-12);
  EXPECT_NEAR(upperBoundOfShare(16, 1000), 0.024200225831249315, 1e-12);
  EXPECT_EQ(upperBoundOfShare(7, 7), 1);
}

// The interval is symmetric about (gained - lost) / (trials + 2), excludes 0 for a clear difference, and has a width
// even if no image changed.
TEST(ConfidenceIntervals, Difference) {
  Interval same = intervalOfDifference(0, 0, 98);
  EXPECT_NEAR(same.low, -1.959964 / 100, 1e-8);
  EXPECT_NEAR(same.high, 1.959964 / 100, 1e-8);
  Interval up = intervalOfDifference(43, 16, 98), down = intervalOfDifference(16, 43, 98);
  EXPECT_NEAR(up.low, 0.27 - 1.959964 * std::sqrt(0.60 - 0.27 * 0.27) / 10, 1e-7);
  EXPECT_NEAR(up.high, -down.low, 1e-15);
  EXPECT_NEAR(up.low, -down.high, 1e-15);
  EXPECT_FALSE(up.contains(0));
  EXPECT_TRUE(intervalOfDifference(5, 4, 98).contains(0));
  EXPECT_EQ(intervalOfDifference(0, 1, 1).low, -1);
}

TEST(ConfidenceIntervals, Mean) {
  Interval interval = intervalOfMean(/*sum=*/1 + 2 + 3, /*squares=*/1 + 4 + 9, 3);
  EXPECT_NEAR(interval.low, 2 - 1.959964 / std::sqrt(3.0), 1e-6);
  EXPECT_NEAR(interval.high, 2 + 1.959964 / std::sqrt(3.0), 1e-6);
  Interval single = intervalOfMean(5, 25, 1);
  EXPECT_EQ(single.low, 5);
  EXPECT_EQ(single.high, 5);
}

} // namespace
