// The product of an f32 and a power of two is exact in double precision, and so is the bin of a value.
#include "passes/numerics/Histogram.h"
#include <algorithm>
#include <cmath>

namespace vitya::numerics {

namespace {

/// The index of the bin that contains bin `index` after the width has been doubled `steps` times.
int64_t coarser(int64_t index, int steps) { return index >> std::min(steps, 63); }

} // namespace

double Histogram::width() const { return std::ldexp(1.0, exponent); }

/// Extends the bins to all values from `min` to `max`, and doubles their width until there are at most `kMaxBins`.
void Histogram::cover(float min, float max) {
  if (min == 0 && max == 0)
    return;
  // In double precision, because the index may exceed int64 at a width chosen for much smaller values.
  auto edge = [&](float value) { return std::floor(std::ldexp(double(value), -exponent)); };
  if (counts.empty()) {
    // The smallest exponent at which either side of zero alone has at most `kMaxBins` bins.
    exponent = std::ilogb(std::max(max, -min)) - std::ilogb(double(kMaxBins)) + 1;
    first = 0;
    counts.assign(1, counted);
  }
  int before = exponent;
  while (edge(max) - edge(min) >= double(kMaxBins))
    ++exponent;
  auto start = int64_t(edge(min));
  std::vector<int64_t> wider(int64_t(edge(max)) - start + 1);
  for (size_t i = 0; i < counts.size(); ++i)
    wider[coarser(first + int64_t(i), exponent - before) - start] += counts[i];
  counts = std::move(wider);
  first = start;
}

void Histogram::add(const float *values, int64_t count) {
  float min = least, max = most;
  for (int64_t i = 0; i < count; ++i) {
    if (std::isfinite(values[i])) {
      min = std::min(min, values[i]);
      max = std::max(max, values[i]);
    }
  }
  if (min < least || max > most)
    cover(min, max);
  least = min;
  most = max;
  double scale = std::ldexp(1.0, -exponent);
  for (int64_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i]))
      continue;
    ++counted;
    if (!counts.empty())
      ++counts[int64_t(std::floor(double(values[i]) * scale)) - first];
  }
}

void Histogram::add(const Histogram &other) {
  float min = std::min(least, other.least), max = std::max(most, other.most);
  if (min < least || max > most)
    cover(min, max);
  least = min;
  most = max;
  counted += other.counted;
  if (counts.empty())
    return;
  if (other.counts.empty())
    counts[zeroBin()] += other.counted;
  for (size_t i = 0; i < other.counts.size(); ++i)
    counts[coarser(other.first + int64_t(i), exponent - other.exponent) - first] += other.counts[i];
}

double Histogram::quantile(double share) const {
  double wanted = share * double(counted), below = 0;
  for (int64_t i = 0; i < bins(); ++i) {
    double here = double(counts[i]);
    if (here > 0 && below + here >= wanted)
      return std::clamp(edge(i) + width() * std::max(0.0, wanted - below) / here, double(least), double(most));
    below += here;
  }
  return most;
}

} // namespace vitya::numerics
