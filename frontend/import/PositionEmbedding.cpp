// Interpolation is separable: a matrix for each dimension. The formulas are those of PyTorch's `interpolate`.
#include "frontend/import/PositionEmbedding.h"
#include <algorithm>
#include <cmath>

namespace vitya {

//===----------------------------------------------------------------------===//
// Interpolation
//===----------------------------------------------------------------------===//

/// The convolution kernel of bicubic interpolation with parameter `a`.
static double cubic(double x, double a) {
  x = std::abs(x);
  if (x < 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

namespace {

/// One output of an interpolation of points: weights of the points from `first` on.
struct Taps {
  std::vector<double> weights;
  int64_t first = 0;
};

} // namespace

/// Bicubic interpolation at position `x` between `points` points; those outside repeat the outermost ones.
static Taps bicubicTaps(double x, int64_t points) {
  constexpr double a = -0.75;
  auto floor = static_cast<int64_t>(std::floor(x));
  Taps taps;
  taps.weights.resize(points);
  for (int64_t offset = -1; offset <= 2; ++offset)
    taps.weights[std::clamp<int64_t>(floor + offset, 0, points - 1)] +=
        cubic(x - static_cast<double>(floor + offset), a);
  return taps;
}

/// The same with the kernel as wide as an output if outputs are wider than points, and without points outside, as
/// Pillow computes it. `center` is that of the output, where point i covers [i, i + 1].
static Taps antialiasedTaps(double center, double scale, int64_t points) {
  constexpr double a = -0.5, support = 2;
  double stretch = std::max(scale, 1.0), sum = 0;
  Taps taps;
  taps.first = std::max<int64_t>(static_cast<int64_t>(center - support * stretch + 0.5), 0);
  int64_t end = std::min<int64_t>(static_cast<int64_t>(center + support * stretch + 0.5), points);
  for (int64_t point = taps.first; point < end; ++point)
    sum += taps.weights.emplace_back(cubic((static_cast<double>(point) - center + 0.5) / stretch, a));
  for (double &weight : taps.weights)
    weight /= sum;
  return taps;
}

/// How each of `to` outputs depends on `from` points.
static std::vector<Taps> makeTaps(int64_t from, int64_t to, Interpolation method) {
  std::vector<Taps> result;
  double scale = static_cast<double>(from) / static_cast<double>(to);
  for (int64_t index = 0; index < to; ++index) {
    auto output = static_cast<double>(index);
    switch (method) {
    case Interpolation::bicubic:
      result.push_back(bicubicTaps((output + 0.5) * scale - 0.5, from));
      break;
    case Interpolation::bicubicAntialias:
      result.push_back(antialiasedTaps((output + 0.5) * scale, scale, from));
      break;
    case Interpolation::bicubicAlignCorners:
      result.push_back(
          bicubicTaps(to > 1 ? output * static_cast<double>(from - 1) / static_cast<double>(to - 1) : 0, from));
      break;
    }
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

std::vector<float> interpolatePositions(llvm::ArrayRef<float> values, int64_t columns, Grid from, Grid to,
                                        Interpolation method) {
  std::vector<double> wide(values.begin(), values.end());
  wide = interpolate(wide, from.height, from.width, columns, makeTaps(from.width, to.width, method));
  wide = interpolate(wide, 1, from.height, to.width * columns, makeTaps(from.height, to.height, method));
  return {wide.begin(), wide.end()};
}

//===----------------------------------------------------------------------===//
// Computed embeddings
//===----------------------------------------------------------------------===//

bool coversAllTokens(SinusoidalForm form) { return form == SinusoidalForm::transformer; }

int64_t sinusoidalGranularity(SinusoidalForm form) { return form == SinusoidalForm::transformer ? 2 : 4; }

/// Writes sin and cos of `place` times falling frequencies, `stride` apart.
static void writeWaves(double place, int64_t frequencies, double last, int64_t stride, float *sines, float *cosines) {
  constexpr double kTemperature = 10000;
  for (int64_t index = 0; index < frequencies; ++index) {
    double angle = place * std::pow(kTemperature, -static_cast<double>(index) / last);
    sines[index * stride] = static_cast<float>(std::sin(angle));
    cosines[index * stride] = static_cast<float>(std::cos(angle));
  }
}

std::vector<float> computePositions(SinusoidalForm form, Grid grid, int64_t before, int64_t columns) {
  int64_t rows = grid.size() + (coversAllTokens(form) ? before : 0),
          frequencies = columns / sinusoidalGranularity(form);
  std::vector<float> result(rows * columns);
  double last = static_cast<double>(frequencies);
  if (form == SinusoidalForm::simpleVit)
    last = std::max(last - 1, 1.0);
  for (int64_t row = 0; row < rows; ++row) {
    float *to = result.data() + row * columns;
    if (form == SinusoidalForm::transformer) {
      writeWaves(static_cast<double>(row), frequencies, last, /*stride=*/2, to, to + 1);
      continue;
    }
    auto x = static_cast<double>(row % grid.width), y = static_cast<double>(row / grid.width);
    writeWaves(x, frequencies, last, /*stride=*/1, to, to + frequencies);
    writeWaves(y, frequencies, last, /*stride=*/1, to + 2 * frequencies, to + 3 * frequencies);
  }
  return result;
}

} // namespace vitya
