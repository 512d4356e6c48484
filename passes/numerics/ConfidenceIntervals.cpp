// Intervals are closed forms with the quantile of the normal distribution; the exact bound is found by bisection.
#include "passes/numerics/ConfidenceIntervals.h"
#include <algorithm>
#include <cmath>
#include <unsupported/Eigen/SpecialFunctions>

namespace vitya::numerics {

/// The 97.5 % quantile of the normal distribution.
constexpr double kQuantile = 1.959963984540054;

Interval intervalOfShare(int64_t successes, int64_t trials) {
  auto n = static_cast<double>(trials);
  double share = static_cast<double>(successes) / n, squared = kQuantile * kQuantile;
  double centre = (share + squared / (2 * n)) / (1 + squared / n);
  double radius = kQuantile / (1 + squared / n) * std::sqrt(share * (1 - share) / n + squared / (4 * n * n));
  // Rounding must not exclude the share itself.
  return {std::min(share, std::max(0.0, centre - radius)), std::max(share, std::min(1.0, centre + radius))};
}

double upperBoundOfShare(int64_t successes, int64_t trials) {
  if (successes >= trials)
    return 1;
  // The bound is the share for which as few successes as these, or fewer, have a probability of 5 %.
  auto probabilityOfSoFew = [&](double share) {
    return Eigen::numext::betainc(static_cast<double>(trials - successes), static_cast<double>(successes) + 1,
                                  1 - share);
  };
  constexpr double unlikely = 0.05;
  constexpr int steps = 60; // halve the interval until its width is that of rounding
  double low = 0, high = 1;
  for (int i = 0; i < steps; ++i) {
    double middle = (low + high) / 2;
    (probabilityOfSoFew(middle) > unlikely ? low : high) = middle;
  }
  return high;
}

Interval intervalOfDifference(int64_t gained, int64_t lost, int64_t trials) {
  double n = static_cast<double>(trials) + 2, up = static_cast<double>(gained) + 0.5,
         down = static_cast<double>(lost) + 0.5;
  double centre = (up - down) / n;
  double radius = kQuantile * std::sqrt((up + down - (up - down) * (up - down) / n)) / n;
  return {std::max(-1.0, centre - radius), std::min(1.0, centre + radius)};
}

Interval intervalOfMean(double sum, double squares, int64_t count) {
  auto n = static_cast<double>(count);
  double mean = sum / n, variance = count > 1 ? std::max(0.0, (squares - sum * mean) / (n - 1)) : 0;
  double radius = kQuantile * std::sqrt(variance / n);
  return {mean - radius, mean + radius};
}

} // namespace vitya::numerics
