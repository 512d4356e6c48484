// Interpolation is separable: a matrix for each dimension.
#include "frontend/layout/Resample.h"
#include <algorithm>
#include <cmath>

namespace vitya {

/// The convolution kernel of linear interpolation, or that of bicubic interpolation with parameter `a`.
static double weightAt(double x, Resampling::Kernel kernel, double a) {
  x = std::abs(x);
  if (kernel == Resampling::Kernel::linear)
    return std::max(1 - x, 0.0);
  if (x < 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/// The distance at which a kernel becomes 0.
static int64_t support(Resampling::Kernel kernel) { return kernel == Resampling::Kernel::linear ? 1 : 2; }

namespace {

/// One output of an interpolation of points: weights of the points from `first` on.
struct Taps {
  std::vector<double> weights;
  int64_t first = 0;
};

} // namespace

/// Interpolation at position `x` between `points` points; those outside repeat the outermost ones.
static Taps plainTaps(double x, int64_t points, Resampling::Kernel kernel) {
  constexpr double a = -0.75;
  auto floor = static_cast<int64_t>(std::floor(x));
  auto inside = [&](int64_t point) { return std::clamp<int64_t>(point, 0, points - 1); };
  int64_t begin = floor + 1 - support(kernel), end = floor + support(kernel);
  Taps taps;
  taps.first = inside(begin);
  taps.weights.resize(inside(end) - taps.first + 1);
  for (int64_t point = begin; point <= end; ++point)
    taps.weights[inside(point) - taps.first] += weightAt(x - static_cast<double>(point), kernel, a);
  return taps;
}

/// The same with the kernel as wide as an output if outputs are wider than points, and without points outside, as
/// Pillow computes it. `center` is that of the output, where point i covers [i, i + 1].
static Taps antialiasedTaps(double center, double scale, int64_t points, Resampling::Kernel kernel) {
  constexpr double a = -0.5;
  double stretch = std::max(scale, 1.0), reach = static_cast<double>(support(kernel)) * stretch, sum = 0;
  Taps taps;
  taps.first = std::clamp<int64_t>(static_cast<int64_t>(center - reach + 0.5), 0, points - 1);
  int64_t end = std::clamp<int64_t>(static_cast<int64_t>(center + reach + 0.5), taps.first + 1, points);
  for (int64_t point = taps.first; point < end; ++point)
    sum += taps.weights.emplace_back(weightAt((static_cast<double>(point) - center + 0.5) / stretch, kernel, a));
  for (double &weight : taps.weights)
    weight /= sum;
  return taps;
}

/// How each of `to` outputs depends on `from` points.
static std::vector<Taps> makeTaps(int64_t from, int64_t to, double factor, const Resampling &method) {
  double scale = factor > 0 ? 1 / factor : static_cast<double>(from) / static_cast<double>(to);
  if (method.alignCorners)
    scale = to > 1 ? static_cast<double>(from - 1) / static_cast<double>(to - 1) : 0;
  std::vector<Taps> result;
  for (int64_t index = 0; index < to; ++index) {
    auto output = static_cast<double>(index);
    if (method.antialias)
      result.push_back(antialiasedTaps((output + 0.5) * scale, scale, from, method.kernel));
    else
      result.push_back(
          plainTaps(method.alignCorners ? output * scale : (output + 0.5) * scale - 0.5, from, method.kernel));
  }
  return result;
}

/// Interpolates the middle dimension of `values`, [outer, points, inner].
static std::vector<double> interpolate(llvm::ArrayRef<double> values, int64_t outer, int64_t points, int64_t inner,
                                       llvm::ArrayRef<Taps> taps) {
  std::vector<double> result(outer * taps.size() * inner);
  double *to = result.data();
  for (int64_t slice = 0; slice < outer; ++slice)
    for (const Taps &output : taps) {
      const double *from = values.data() + (slice * points + output.first) * inner;
      for (double weight : output.weights)
        for (int64_t column = 0; column < inner; ++column)
          to[column] += weight * *from++;
      to += inner;
    }
  return result;
}

std::vector<float> resample(llvm::ArrayRef<float> values, int64_t outer, Grid from, Grid to, int64_t inner,
                            const Resampling &method) {
  std::vector<double> wide(values.begin(), values.end());
  wide = interpolate(wide, outer * from.height, from.width, inner,
                     makeTaps(from.width, to.width, method.widthFactor, method));
  wide = interpolate(wide, outer, from.height, to.width * inner,
                     makeTaps(from.height, to.height, method.heightFactor, method));
  return {wide.begin(), wide.end()};
}

} // namespace vitya
