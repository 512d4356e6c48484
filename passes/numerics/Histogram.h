// How often which numbers occur, in bounded memory and whatever the order in which they come.
#ifndef VITYA_PASSES_NUMERICS_HISTOGRAM_H
#define VITYA_PASSES_NUMERICS_HISTOGRAM_H

#include <cstdint>
#include <vector>

namespace vitya::numerics {

/// Counts of f32 numbers in bins [i w, (i + 1) w). The width w is a power of two, the least with which at most
/// `kMaxBins` bins, hence more than half as many, cover all numbers and zero. Two adjacent bins are one of the next
/// width, so that the counts depend on the numbers alone and not on their order.
class Histogram {
public:
  static constexpr int64_t kMaxBins = 4096;

  /// Counts `count` numbers from `values` on. NaN and infinity are told by `isFinite` and not counted.
  void add(const float *values, int64_t count);
  /// Adds the counts of `other`.
  void add(const Histogram &other);

  bool isFinite() const { return finite; }
  /// Numbers counted.
  int64_t total() const { return numbers; }
  /// The least and the greatest number; 0 where there is none.
  float min() const { return least; }
  float max() const { return most; }

  int64_t bins() const { return int64_t(counts.size()); }
  double width() const;
  /// Bin `i` is from `edge(i)` to `edge(i + 1)`.
  double edge(int64_t i) const { return double(first + i) * width(); }
  int64_t count(int64_t i) const { return counts[i]; }
  /// The bin that begins at zero.
  int64_t zeroBin() const { return -first; }

  /// The number that `share` of all numbers are below, numbers spread evenly over their bin; from min() to max().
  double quantile(double share) const;

private:
  void cover(float min, float max);

  bool finite = true;
  int64_t numbers = 0;
  float least = 0, most = 0;
  int exponent = 0;            ///< of the width
  int64_t first = 0;           ///< counts[0] is of [first w, (first + 1) w)
  std::vector<int64_t> counts; ///< empty as long as all numbers are zero
};

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_HISTOGRAM_H
