// Searches over a histogram: a few hundred candidates, each judged in one pass over the bins.
#include "passes/numerics/Observers.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace vitya::numerics {
namespace {

constexpr double kAveragingWeight = 0.01;
constexpr double kPercentile = 0.9999;
constexpr int64_t kEntropyBins = 128;
constexpr int kShrinkSteps = 100; ///< from the whole range down to nothing

/// The integral of (x - round(x))^2 from 0 to `x`.
double roundingError(double x) {
  double nearest = std::nearbyint(x), rest = x - nearest;
  return nearest / 12 + rest * rest * rest / 3;
}

/// The integral of the squared error of quantizing all numbers from 0 to `x`, in units of the scale: numbers are
/// rounded up to half a step outside of [`low`, `high`] and clipped beyond.
double error(double x, double low, double high) {
  double inside = std::clamp(x, low - 0.5, high + 0.5);
  double beyond = 0;
  if (x > inside)
    beyond = (std::pow(x - high, 3) - 0.125) / 3;
  if (x < inside)
    beyond = (std::pow(x - low, 3) + 0.125) / 3;
  return roundingError(inside) + beyond;
}

} // namespace

AffineParameters parametersOf(Range range, Symmetry symmetry) {
  return symmetry == Symmetry::affine ? affineParameters(range)
                                      : symmetricParameters(std::max(std::abs(range.min), std::abs(range.max)));
}

Distortion distortionOf(const Histogram &histogram, const AffineParameters &parameters) {
  Distortion result;
  if (histogram.bins() == 0)
    return result;
  double scale = parameters.scale, low = parameters.levels.min - parameters.zeroPoint,
         high = parameters.levels.max - parameters.zeroPoint, step = histogram.width() / scale;
  double signal = 0, noise = 0, clipped = 0;
  double left = histogram.edge(0) / scale, errorLeft = error(left, low, high);
  for (int64_t i = 0; i < histogram.bins(); ++i) {
    double right = histogram.edge(i + 1) / scale, errorRight = error(right, low, high);
    if (double count = double(histogram.count(i)); count > 0) {
      signal += count * (left * left + left * right + right * right) / 3;
      noise += count * (errorRight - errorLeft) / step;
      double outside =
          std::max(0.0, right - std::max(left, high + 0.5)) + std::max(0.0, std::min(right, low - 0.5) - left);
      clipped += count * outside / step;
    }
    left = right;
    errorLeft = errorRight;
  }
  double total = double(histogram.total());
  return {scale * scale * signal / total, scale * scale * noise / total, clipped / total};
}

void Observer::add(int64_t image, const float *values, int64_t count) {
  Range &range = extremes[image];
  for (int64_t i = 0; i < count; ++i)
    if (std::isfinite(values[i])) {
      range.min = std::min(range.min, values[i]);
      range.max = std::max(range.max, values[i]);
    }
  numbers.add(values, count);
}

Range Observer::movingAverage() const {
  double min = 0, max = 0;
  for (size_t i = 0; i < extremes.size(); ++i) {
    double weight = i == 0 ? 1 : kAveragingWeight;
    min += weight * (extremes[i].min - min);
    max += weight * (extremes[i].max - max);
  }
  return {float(min), float(max)};
}

Range Observer::percentile() const {
  return {float(std::min(0.0, numbers.quantile(1 - kPercentile))), float(std::max(0.0, numbers.quantile(kPercentile)))};
}

Range Observer::leastError(Symmetry symmetry) const {
  // Shares of either end, in steps: first both alike, then one after the other as long as that helps.
  int shares[2] = {kShrinkSteps, kShrinkSteps}, best[2] = {kShrinkSteps, kShrinkSteps};
  auto rangeOf = [&](const int *steps) {
    auto part = [](float end, int step) { return float(double(end) * step / kShrinkSteps); };
    return Range{part(numbers.min(), steps[0]), part(numbers.max(), steps[1])};
  };
  double least = std::numeric_limits<double>::infinity();
  auto judge = [&] {
    double noise = distortionOf(numbers, parametersOf(rangeOf(shares), symmetry)).noise;
    if (!(noise < least))
      return false;
    least = noise;
    std::copy(shares, shares + 2, best);
    return true;
  };
  for (int step = kShrinkSteps; step > 0; --step) {
    shares[0] = shares[1] = step;
    judge();
  }
  for (bool improved = symmetry == Symmetry::affine; improved;) {
    improved = false;
    for (int end : {0, 1}) {
      std::copy(best, best + 2, shares);
      for (int step = kShrinkSteps; step > 0; --step) {
        shares[end] = step;
        improved |= judge();
      }
    }
  }
  return rangeOf(best);
}

Range Observer::leastDivergence(Symmetry symmetry) const {
  int64_t zero = numbers.zeroBin(), negative = zero, positive = numbers.bins() - zero;
  int64_t reach = std::max(negative, positive), step = std::max<int64_t>(1, reach / 256);
  double least = std::numeric_limits<double>::infinity();
  int64_t best = reach;
  std::vector<double> reference;
  for (int64_t threshold = reach; threshold >= kEntropyBins / 2; threshold -= step) {
    // Bins from `begin` to `end` are kept; what lies outside is counted at the ends of the reference.
    int64_t begin = zero - (symmetry == Symmetry::affine ? std::min(negative, threshold) : threshold);
    int64_t end = zero + (symmetry == Symmetry::affine ? std::min(positive, threshold) : threshold);
    int64_t size = end - begin;
    if (size < kEntropyBins)
      break;
    auto countOf = [&](int64_t bin) { return bin < 0 || bin >= numbers.bins() ? 0.0 : double(numbers.count(bin)); };
    reference.assign(size, 0);
    double kept = 0;
    for (int64_t bin = 0; bin < numbers.bins(); ++bin)
      reference[std::clamp<int64_t>(bin - begin, 0, size - 1)] += countOf(bin);
    for (int64_t bin = begin; bin < end; ++bin)
      kept += countOf(bin);
    // Each of the coarse bins is spread evenly over those of its fine bins that hold something.
    double divergence = 0, total = double(numbers.total());
    for (int64_t group = 0; group < kEntropyBins; ++group) {
      int64_t from = group * size / kEntropyBins, to = (group + 1) * size / kEntropyBins;
      double sum = 0, filled = 0;
      for (int64_t i = from; i < to; ++i) {
        sum += countOf(begin + i);
        filled += countOf(begin + i) > 0;
      }
      for (int64_t i = from; i < to; ++i)
        if (reference[i] > 0) {
          double coarse = countOf(begin + i) > 0 ? sum / filled / kept : 0;
          divergence += reference[i] / total * std::log(reference[i] / total / coarse);
        }
    }
    if (divergence < least) {
      least = divergence;
      best = threshold;
    }
  }
  float limit = float(double(best) * numbers.width());
  return {std::max(numbers.min(), -limit), std::min(numbers.max(), limit)};
}

Range Observer::range(ObserverKind kind, Symmetry symmetry) const {
  if (numbers.bins() == 0)
    return {0, 0};
  switch (kind) {
  case ObserverKind::minmax:
    return {numbers.min(), numbers.max()};
  case ObserverKind::movingAverage:
    return movingAverage();
  case ObserverKind::percentile:
    return percentile();
  case ObserverKind::mse:
    return leastError(symmetry);
  case ObserverKind::entropy:
    return leastDivergence(symmetry);
  }
  return {0, 0};
}

} // namespace vitya::numerics
