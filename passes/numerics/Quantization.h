// Affine quantization to 8 bits: x is about scale * (q - zeroPoint). Other texts write scale * (q + z), with z the
// negative of our zero point.
#ifndef VITYA_PASSES_NUMERICS_QUANTIZATION_H
#define VITYA_PASSES_NUMERICS_QUANTIZATION_H

#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <vector>

namespace vitya::numerics {

/// The integers from `min` to `max`.
struct Levels {
  int32_t min, max;
};

/// What an activation that is the first factor of an integer product is stored in: unsigned bytes.
inline constexpr Levels kUnsignedLevels{0, 255};
/// What a weight, or the second factor of an integer product, is stored in: signed bytes around zero, without -128.
inline constexpr Levels kSignedLevels{-127, 127};

/// Real numbers from `min` to `max`.
struct Range {
  float min, max;
};

/// A map between real numbers and integers in `levels`. The scale is a normal f32 with a finite reciprocal.
struct AffineParameters {
  float scale = 1;
  int32_t zeroPoint = 0;
  Levels levels = kUnsignedLevels;

  /// clamp(rint(x * f32(1 / scale)) + zeroPoint), ties to even; `x` is not NaN.
  int32_t quantize(float x) const;
  /// scale * (q - zeroPoint)
  float dequantize(int32_t q) const { return scale * float(q - zeroPoint); }
  /// The least and the greatest number that an integer stands for.
  Range range() const { return {dequantize(levels.min), dequantize(levels.max)}; }
};

/// The parameters whose levels span `range`, which is finite, and zero, which is exact. A range of nothing else, or of
/// less than f32 can tell apart, has scale 1 or the least normal one.
AffineParameters affineParameters(Range range, Levels levels = kUnsignedLevels);

/// The parameters with zero point 0 whose levels, as many below zero as above, reach `magnitude`, which is finite.
AffineParameters symmetricParameters(float magnitude, Levels levels = kSignedLevels);

/// What quantization does to numbers.
struct Distortion {
  double signal = 0;  ///< mean square of the numbers
  double noise = 0;   ///< mean squared error
  double clipped = 0; ///< the share of numbers more than half a step outside the range

  /// The noise as a share of the signal; 0 for nothing but zeros, which are exact.
  double relativeNoise() const { return signal == 0 ? 0 : noise / signal; }
};

/// The signal-to-noise ratio in decibels where the noise is `relativeNoise` of the signal; nothing without noise.
std::optional<double> signalToNoise(double relativeNoise);

/// [rows, columns] of f32 in row-major order.
using RowMajorF32 = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A weight [out, in] as signed bytes with one scale for all of it or one for each row.
struct QuantizedWeight {
  Eigen::Matrix<int8_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> values;
  std::vector<float> scales;

  RowMajorF32 dequantize() const;
};

/// `weight`, which is finite, with the scales that reach its largest magnitudes: one a row if `perChannel`.
QuantizedWeight quantizeWeight(const RowMajorF32 &weight, bool perChannel);

/// What became of `weight`, which is not empty, as `quantized`; nothing is clipped.
Distortion distortionOf(const RowMajorF32 &weight, const QuantizedWeight &quantized);

/// Factors s_j by which to divide the columns j of a layer's input, and multiply those of its weight, so that both are
/// about as hard to quantize: max |x_j|^alpha / max |w_j|^(1 - alpha) (SmoothQuant, arXiv 2211.10438). 1 where either
/// is zero. `alpha` is in [0, 1]; results are in [1e-5, 1e5].
Eigen::VectorXf smoothingFactors(const Eigen::VectorXf &inputMagnitudes, const Eigen::VectorXf &weightMagnitudes,
                                 double alpha);

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_QUANTIZATION_H
