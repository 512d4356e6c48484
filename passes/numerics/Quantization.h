// Affine quantization to few bits: x is approximated by scale * (q - zeroPoint). Texts that write scale * (q + z) use
// the negative of our zero point.
#ifndef VITYA_PASSES_NUMERICS_QUANTIZATION_H
#define VITYA_PASSES_NUMERICS_QUANTIZATION_H

#include "dialect/arithmetic/MatrixProduct.h"
#include "dialect/arithmetic/Quantize.h"
#include <Eigen/Core>
#include <optional>
#include <vector>

namespace vitya::numerics {

/// The real interval from `min` to `max`.
struct Range {
  float min, max;
};

/// The mapping between real values and the integers of `levels`. The scale is a normal f32 with a finite reciprocal.
struct AffineParameters {
  float scale = 1;
  int32_t zeroPoint = 0;
  Levels levels = kUnsignedLevels;

  /// clamp(rint(x * f32(1 / scale)) + zeroPoint), ties to even. NaN gives the lowest level.
  int32_t quantize(float x) const;
  /// scale * (q - zeroPoint)
  float dequantize(int32_t q) const { return scale * float(q - zeroPoint); }
  /// The values of the smallest and the largest level.
  Range range() const { return {dequantize(levels.min), dequantize(levels.max)}; }
};

/// The parameters whose levels cover the finite `range` and zero, which is represented exactly. The scale is 1 if the
/// range is only zero, and at least the smallest normal f32.
AffineParameters affineParameters(Range range, Levels levels = kUnsignedLevels);

/// The parameters with zero point 0 whose largest level represents the finite `magnitude`.
AffineParameters symmetricParameters(float magnitude, Levels levels = kSignedLevels);

/// The error of quantizing a set of values.
struct Distortion {
  double signal = 0;  ///< mean square of the values
  double noise = 0;   ///< mean squared error
  double clipped = 0; ///< share of the values that are more than half a step outside of the range

  /// The noise divided by the signal; 0 if all values are zero, which is exact.
  double relativeNoise() const { return signal == 0 ? 0 : noise / signal; }
};

/// The signal-to-noise ratio in decibels for a relative noise; nothing if there is no noise.
std::optional<double> signalToNoise(double relativeNoise);

/// A weight [out, in] quantized to signed integers, with one scale for the tensor or one per row.
struct QuantizedWeight {
  RowMajorOf<int8_t> values;
  std::vector<float> scales;

  RowMajorOf<float> dequantize() const;
};

/// The scales of the finite `weight` for integers of `bits` bits: one for all elements, or one for each row if
/// `perChannel`. With 8 bits, the largest level represents the largest magnitude, m. With fewer bits it represents c m
/// for the c of 1, 0.98, ..., 0.5 that minimises the squared error of rounding to the nearest level, so that large
/// weights may be clipped; among equal errors the largest c.
std::vector<float> weightScales(const RowMajorOf<float> &weight, bool perChannel, int bits);

/// Rounds the finite `weight` to the nearest integers of `bits` bits, with weightScales().
QuantizedWeight quantizeWeight(const RowMajorOf<float> &weight, bool perChannel, int bits);

/// The distortion of the non-empty `weight` by its quantization. The share of clipped values is not determined.
Distortion distortionOf(const RowMajorOf<float> &weight, const QuantizedWeight &quantized);

/// The factors s_j = max |x_j|^alpha / max |w_j|^(1 - alpha) of SmoothQuant (arXiv 2211.10438). Dividing column j of a
/// layer's input by s_j, and multiplying that of its weight, makes both about equally hard to quantize. s_j is 1 if
/// either maximum is zero. `alpha` is in [0, 1]; the factors are clamped to [1e-5, 1e5].
Eigen::VectorXf smoothingFactors(const Eigen::VectorXf &inputMagnitudes, const Eigen::VectorXf &weightMagnitudes,
                                 double alpha);

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_QUANTIZATION_H
