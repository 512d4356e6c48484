// Closed forms, all with the quantile of the normal distribution.
#include "passes/numerics/ConfidenceIntervals.h"
#include <algorithm>
#include <cmath>

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
