// The formulas of computed position embeddings.
#include "frontend/import/PositionEmbedding.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cmath>

namespace vitya {

std::vector<float> interpolatePositions(llvm::ArrayRef<float> values, int64_t columns, Grid from, Grid to,
                                        Interpolation method) {
  Resampling resampling{Resampling::Kernel::cubic, method == Interpolation::bicubicAlignCorners,
                        method == Interpolation::bicubicAntialias};
  return resample(values, /*outer=*/1, from, to, columns, resampling);
}

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

int64_t rotaryGranularity(RotaryForm form) {
  switch (form) {
  case RotaryForm::dinov3:
    return 2; // rows and columns
  }
  llvm_unreachable("every form is handled");
}

double rotaryBase(RotaryForm form) {
  switch (form) {
  case RotaryForm::dinov3:
    return 100;
  }
  llvm_unreachable("every form is handled");
}

RotaryTable computeRotaryTable(RotaryForm form, Grid grid, int64_t before, int64_t pairs) {
  RotaryTable table{std::vector<float>(before * pairs, 1), std::vector<float>(before * pairs, 0)};
  int64_t frequencies = pairs / rotaryGranularity(form);
  for (int64_t patch = 0; patch < grid.size(); ++patch)
    for (int64_t pair = 0; pair < pairs; ++pair) {
      // The middle of the patch, from -1 to 1.
      int64_t place = pair < frequencies ? patch / grid.width : patch % grid.width,
              count = pair < frequencies ? grid.height : grid.width;
      double coordinate = (2 * static_cast<double>(place) + 1) / static_cast<double>(count) - 1,
             exponent = static_cast<double>(pair % frequencies) / static_cast<double>(frequencies),
             angle = 2 * llvm::numbers::pi * coordinate * std::pow(rotaryBase(form), -exponent);
      table.cos.push_back(static_cast<float>(std::cos(angle)));
      table.sin.push_back(static_cast<float>(std::sin(angle)));
    }
  return table;
}

} // namespace vitya
