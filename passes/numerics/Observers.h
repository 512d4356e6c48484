// Ranges for activations that are quantized with fixed parameters, from what calibration images show.
#ifndef VITYA_PASSES_NUMERICS_OBSERVERS_H
#define VITYA_PASSES_NUMERICS_OBSERVERS_H

#include "passes/numerics/Histogram.h"
#include "passes/numerics/Quantization.h"
#include <vector>

namespace vitya::numerics {

/// How the range of an activation is found.
enum class ObserverKind {
  minmax,        ///< the least and the greatest number
  movingAverage, ///< of the extremes of an image, image after image, with weight 0.01 for the newest
  percentile,    ///< without the last 0.01 % at each end
  mse,           ///< shrunk at both ends to the least mean squared error
  entropy        ///< clipped where 128 bins tell the most about the distribution (Kullback-Leibler)
};
inline constexpr ObserverKind kObserverKinds[] = {ObserverKind::minmax, ObserverKind::movingAverage,
                                                  ObserverKind::percentile, ObserverKind::mse, ObserverKind::entropy};

/// How an activation is stored.
enum class Symmetry {
  affine,   ///< unsigned bytes with a zero point
  symmetric ///< signed bytes around zero
};

/// The parameters with which `range` is stored so.
AffineParameters parametersOf(Range range, Symmetry symmetry);

/// The distortion of the numbers of `histogram`, spread evenly over their bins, by `parameters`.
Distortion distortionOf(const Histogram &histogram, const AffineParameters &parameters);

/// Sees one activation on all calibration images, in any order of images.
class Observer {
public:
  explicit Observer(int64_t images) : extremes(images, Range{0, 0}) {}

  /// Adds the numbers of image `image`; each image once.
  void add(int64_t image, const float *values, int64_t count);

  /// Whether all numbers are finite. Ranges are those of the ones that are.
  bool isFinite() const { return numbers.isFinite(); }
  const Histogram &histogram() const { return numbers; }
  /// The range that `kind` proposes. It includes zero.
  Range range(ObserverKind kind, Symmetry symmetry) const;

private:
  Range movingAverage() const;
  Range percentile() const;
  Range leastError(Symmetry symmetry) const;
  Range leastDivergence(Symmetry symmetry) const;

  Histogram numbers;
  std::vector<Range> extremes; ///< of each image
};

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_OBSERVERS_H
