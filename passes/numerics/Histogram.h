// A histogram of f32 values in bounded memory that does not depend on the order of the values.
#ifndef VITYA_PASSES_NUMERICS_HISTOGRAM_H
#define VITYA_PASSES_NUMERICS_HISTOGRAM_H

#include <cstdint>
#include <vector>

namespace vitya::numerics {

/// Counts of f32 values in bins [i w, (i + 1) w). The width w is the smallest power of two for which `kMaxBins` bins
/// cover all values and zero, so more than half of the bins are used. Two adjacent bins merge into one of the next
/// width, so the counts depend on the values alone and not on their order.
class Histogram {
public:
  static constexpr int64_t kMaxBins = 4096;

  /// Counts `count` values. NaN and infinity are not counted.
  void add(const float *values, int64_t count);
  /// Adds the counts of `other`.
  void add(const Histogram &other);

  /// The number of values counted.
  int64_t total() const { return counted; }
  /// The smallest value, but at most 0, and the largest value, but at least 0.
  float min() const { return least; }
  float max() const { return most; }

  int64_t bins() const { return int64_t(counts.size()); }
  double width() const;
  /// The lower bound of bin `i`, and the upper one of bin `i - 1`.
  double edge(int64_t i) const { return double(first + i) * width(); }
  int64_t count(int64_t i) const { return counts[i]; }
  /// The bin whose lower bound is zero.
  int64_t zeroBin() const { return -first; }

  /// The value below which the fraction `share` of all values lies, interpolated within its bin; from min() to max().
  double quantile(double share) const;

private:
  void cover(float min, float max);

  int64_t counted = 0;
  float least = 0, most = 0;
  int exponent = 0;            ///< the width is 2^exponent
  int64_t first = 0;           ///< counts[0] belongs to [first w, (first + 1) w)
  std::vector<int64_t> counts; ///< empty as long as all values are zero
};

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_HISTOGRAM_H
