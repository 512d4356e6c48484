// The margin of a prediction, and the choice of the threshold below which a cascade defers images.
#include "passes/numerics/Cascade.h"
#include "passes/numerics/ConfidenceIntervals.h"
#include "runtime/Margin.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>

using namespace vitya;
using namespace vitya::numerics;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();

TEST(Margin, IsTheDifferenceOfTheTwoLargestLogits) {
  const float rising[] = {-1, 0.5, 3}, falling[] = {3, 0.5, -1}, middle[] = {2, 4, 3}, equal[] = {1, 2, 2},
              two[] = {-5, -2};
  EXPECT_EQ(marginOf(rising, 3), 2.5F);
  EXPECT_EQ(marginOf(falling, 3), 2.5F);
  EXPECT_EQ(marginOf(middle, 3), 1);
  EXPECT_EQ(marginOf(equal, 3), 0);
  EXPECT_EQ(marginOf(two, 2), 3);
  EXPECT_TRUE(isDeferred(middle, 3, 1.5));
  EXPECT_FALSE(isDeferred(middle, 3, 1));
  EXPECT_FALSE(isDeferred(equal, 3, 0));
}

TEST(Margin, IsUnknownIfALogitIsNotFinite) {
  const float largest = std::numeric_limits<float>::max();
  const float logits[][3] = {{kNan, 1, 9}, {9, kNan, 1}, {1, 9, kNan}, {kInfinity, 1, 2}, {9, 1, -kInfinity}};
  for (const float *each : logits) {
    EXPECT_TRUE(std::isnan(marginOf(each, 3)));
    EXPECT_TRUE(isDeferred(each, 3, 0));
  }
  const float overflow[] = {largest, -largest};
  EXPECT_TRUE(isDeferred(overflow, 2, 0));
}

/// `images` images of two classes with the margins 0, 1, 2 ...; the models disagree on those in `mistakes`.
CascadeSample makeSample(int images, std::initializer_list<int> mistakes) {
  std::vector<float> first, dense;
  for (int i = 0; i < images; ++i) {
    first.insert(first.end(), {static_cast<float>(i), 0});
    dense.insert(dense.end(), {1, 0});
  }
  for (int i : mistakes)
    std::swap(dense[2 * i], dense[2 * i + 1]);
  return {first, dense, 2};
}

TEST(Cascade, CountsWhatIsDeferredAndWhatDisagrees) {
  CascadeSample sample = makeSample(10, {3, 5});
  CascadeOutcome all = sample.outcome(0), some = sample.outcome(4), none = sample.outcome(5.5);
  EXPECT_EQ(all.images, 10);
  EXPECT_EQ(all.deferred, 0);
  EXPECT_EQ(all.disagreements, 2);
  EXPECT_EQ(some.deferred, 4);
  EXPECT_EQ(some.disagreements, 1);
  EXPECT_EQ(none.deferred, 6);
  EXPECT_EQ(none.disagreements, 0);
  CascadeSample unknown({kNan, 1, 5, 0}, {1, 0, 1, 0}, 2);
  EXPECT_EQ(unknown.outcome(0).deferred, 1);
  EXPECT_EQ(unknown.outcome(0).disagreements, 0);
}

TEST(Cascade, TheSmallestMarginForWhichTheBoundHolds) {
  CascadeSample sample = makeSample(200, {10, 40, 20, 150});
  // From no disagreement to four, of 200 images.
  const float margins[] = {std::nextafter(150.F, kInfinity), std::nextafter(40.F, kInfinity),
                           std::nextafter(20.F, kInfinity), std::nextafter(10.F, kInfinity), 0};
  for (int64_t disagreements = 0; disagreements <= 4; ++disagreements) {
    double bound = upperBoundOfShare(disagreements, 200);
    std::optional<float> margin = sample.smallestMargin(1 - bound - 1e-9);
    ASSERT_TRUE(margin);
    EXPECT_EQ(*margin, margins[disagreements]);
    EXPECT_EQ(sample.outcome(*margin).disagreements, disagreements);
  }
  EXPECT_FALSE(sample.smallestMargin(1 - upperBoundOfShare(0, 200) + 1e-9));
  // Equal margins are deferred together.
  CascadeSample equal({3, 0, 3, 0, 5, 0}, {0, 1, 0, 1, 1, 0}, 2);
  std::optional<float> margin = equal.smallestMargin(1 - upperBoundOfShare(1, 3) - 1e-9);
  ASSERT_TRUE(margin);
  EXPECT_EQ(equal.outcome(*margin).disagreements, 0);
}

} // namespace
