// The searches evaluate several hundred candidate ranges, each in one pass over the bins of the histogram.
#include "passes/numerics/Observers.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace vitya::numerics {
namespace {

constexpr double kAveragingWeight = 0.01;
constexpr double kPercentile = 0.9999;
constexpr int64_t kEntropyBins = 128;
constexpr int kShrinkSteps = 100; ///< candidates for each end of the range, evenly spaced down to zero

/// The integral of (x - round(x))^2 from 0 to `x`.
double roundingError(double x) {
  double nearest = std::nearbyint(x), rest = x - nearest;
  return nearest / 12 + rest * rest * rest / 3;
}

/// The integral from 0 to `x` of the squared error of quantization, in units of the scale: values up to half a step
/// outside of [`low`, `high`] are rounded, values beyond are clipped.
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

/// Whether `levels` are used with a zero point.
static bool isAffine(Levels levels) { return levels.min == 0; }

AffineParameters parametersOf(Range range, Levels levels) {
  return isAffine(levels) ? affineParameters(range, levels)
                          : symmetricParameters(std::max(std::abs(range.min), std::abs(range.max)), levels);
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

void Observer::add(int64_t image, const float *data, int64_t count) {
  Range &range = extremes[image];
  for (int64_t i = 0; i < count; ++i)
    if (std::isfinite(data[i])) {
      range.min = std::min(range.min, data[i]);
      range.max = std::max(range.max, data[i]);
    }
  values.add(data, count);
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
  return {float(std::min(0.0, values.quantile(1 - kPercentile))), float(std::max(0.0, values.quantile(kPercentile)))};
}

Range Observer::leastError(Levels levels) const {
  // Both ends are shrunk by the same share first; then one at a time until neither improves the error.
  int shares[2] = {kShrinkSteps, kShrinkSteps}, best[2] = {kShrinkSteps, kShrinkSteps};
  auto rangeOf = [&](const int *steps) {
    auto part = [](float end, int step) { return float(double(end) * step / kShrinkSteps); };
    return Range{part(values.min(), steps[0]), part(values.max(), steps[1])};
  };
  double least = std::numeric_limits<double>::infinity();
  auto judge = [&] {
    double noise = distortionOf(values, parametersOf(rangeOf(shares), levels)).noise;
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
  for (bool improved = isAffine(levels); improved;) {
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

/// KL(reference || quantized) of the values of `histogram` clipped to the bins [begin, end): the reference distribution
/// counts clipped values in its outermost bins; the quantized one has `kEntropyBins` bins, each of whose counts is
/// spread evenly over its non-empty bins of the histogram. `reference` is scratch memory.
static double divergenceOfClipping(const Histogram &histogram, int64_t begin, int64_t end,
                                   std::vector<double> &reference) {
  auto countOf = [&](int64_t bin) { return bin < 0 || bin >= histogram.bins() ? 0.0 : double(histogram.count(bin)); };
  int64_t size = end - begin;
  reference.assign(size, 0);
  double kept = 0, total = double(histogram.total());
  for (int64_t bin = 0; bin < histogram.bins(); ++bin)
    reference[std::clamp<int64_t>(bin - begin, 0, size - 1)] += countOf(bin);
  for (int64_t bin = begin; bin < end; ++bin)
    kept += countOf(bin);
  double divergence = 0;
  for (int64_t coarse = 0; coarse < kEntropyBins; ++coarse) {
    int64_t from = coarse * size / kEntropyBins, to = (coarse + 1) * size / kEntropyBins;
    double sum = 0, filled = 0;
    for (int64_t i = from; i < to; ++i) {
      sum += countOf(begin + i);
      filled += countOf(begin + i) > 0;
    }
    for (int64_t i = from; i < to; ++i)
      if (reference[i] > 0) {
        double quantized = countOf(begin + i) > 0 ? sum / filled / kept : 0;
        divergence += reference[i] / total * std::log(reference[i] / total / quantized);
      }
  }
  return divergence;
}

Range Observer::leastDivergence(Levels levels) const {
  int64_t zero = values.zeroBin(), negative = zero, positive = values.bins() - zero;
  int64_t reach = std::max(negative, positive), step = std::max<int64_t>(1, reach / 256);
  double least = std::numeric_limits<double>::infinity();
  int64_t best = reach;
  std::vector<double> reference;
  for (int64_t threshold = reach; threshold >= kEntropyBins / 2; threshold -= step) {
    int64_t begin = zero - (isAffine(levels) ? std::min(negative, threshold) : threshold);
    int64_t end = zero + (isAffine(levels) ? std::min(positive, threshold) : threshold);
    if (end - begin < kEntropyBins)
      break;
    if (double divergence = divergenceOfClipping(values, begin, end, reference); divergence < least) {
      least = divergence;
      best = threshold;
    }
  }
  float limit = float(double(best) * values.width());
  return {std::max(values.min(), -limit), std::min(values.max(), limit)};
}

Range Observer::range(ObserverKind kind, Levels levels) const {
  if (values.bins() == 0)
    return {0, 0};
  switch (kind) {
  case ObserverKind::minmax:
    return {values.min(), values.max()};
  case ObserverKind::movingAverage:
    return movingAverage();
  case ObserverKind::percentile:
    return percentile();
  case ObserverKind::mse:
    return leastError(levels);
  case ObserverKind::entropy:
    return leastDivergence(levels);
  }
  return {0, 0};
}

} // namespace vitya::numerics
