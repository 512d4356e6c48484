// Intervals of 95 % confidence for what is measured on a sample of images.
#ifndef VITYA_PASSES_NUMERICS_CONFIDENCEINTERVALS_H
#define VITYA_PASSES_NUMERICS_CONFIDENCEINTERVALS_H

#include <cstdint>

namespace vitya::numerics {

/// The bounds of an interval; both belong to it.
struct Interval {
  double low = 0, high = 0;

  bool contains(double value) const { return low <= value && value <= high; }
};

/// The interval of a share of which `successes` of `trials`, at least one, were observed: Wilson's score interval
/// (Journal of the American Statistical Association 22, 1927).
Interval intervalOfShare(int64_t successes, int64_t trials);

/// An upper bound of a share of which `successes` of `trials`, at least one, were observed. It holds with a confidence
/// of 95 % for any true share: the one-sided bound of Clopper and Pearson (Biometrika 26, 1934).
double upperBoundOfShare(int64_t successes, int64_t trials);

/// The interval of the difference of two shares that were observed on the same `trials`, at least one: `gained` of them
/// succeeded only the second time, and `lost` only the first time. That of Agresti and Min (Statistics in Medicine 24,
/// 2005), which adds half a trial to each of the four outcomes of a pair.
Interval intervalOfDifference(int64_t gained, int64_t lost, int64_t trials);

/// The interval of a mean of `count` values, at least one, of which the sum and the sum of squares are given. The mean
/// of many values is normally distributed. A single value has no width.
Interval intervalOfMean(double sum, double squares, int64_t count);

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_CONFIDENCEINTERVALS_H
