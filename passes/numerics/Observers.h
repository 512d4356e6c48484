// Observers of activations on calibration images, which choose the ranges of static quantization.
#ifndef VITYA_PASSES_NUMERICS_OBSERVERS_H
#define VITYA_PASSES_NUMERICS_OBSERVERS_H

#include "passes/numerics/Histogram.h"
#include "passes/numerics/Quantization.h"
#include <vector>

namespace vitya::numerics {

/// How the range of an activation is found.
enum class ObserverKind {
  minmax,        ///< the smallest and the largest value
  movingAverage, ///< the moving average, with weight 0.01, of the smallest and the largest value of each image
  percentile,    ///< the values without the 0.01 % at each end
  mse,           ///< the range with the smallest mean squared error of quantization
  entropy        ///< the range whose quantization to 128 levels has the smallest Kullback-Leibler divergence
};
inline constexpr ObserverKind kObserverKinds[] = {ObserverKind::minmax, ObserverKind::movingAverage,
                                                  ObserverKind::percentile, ObserverKind::mse, ObserverKind::entropy};

/// The quantization parameters that cover `range` with unsigned `levels` and a zero point, or with signed ones and zero
/// point 0.
AffineParameters parametersOf(Range range, Levels levels);

/// The distortion of quantizing the values of `histogram` with `parameters`, if values are uniform within each bin.
Distortion distortionOf(const Histogram &histogram, const AffineParameters &parameters);

/// Observes one activation on all calibration images, which may arrive in any order.
class Observer {
public:
  explicit Observer(int64_t images) : extremes(images, Range{0, 0}) {}

  /// Adds the `count` values of image `image`. NaN and infinity are ignored. To be called once for each
  /// image.
  void add(int64_t image, const float *data, int64_t count);

  const Histogram &histogram() const { return values; }
  /// The range that `kind` chooses for `levels`. It includes zero.
  Range range(ObserverKind kind, Levels levels) const;

private:
  Range movingAverage() const;
  Range percentile() const;
  Range leastError(Levels levels) const;
  Range leastDivergence(Levels levels) const;

  Histogram values;
  std::vector<Range> extremes; ///< the smallest and the largest value of each image
};

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_OBSERVERS_H
