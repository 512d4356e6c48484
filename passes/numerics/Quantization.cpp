// Parameters are computed in double precision and rounded once; levels are computed in f32, as in compiled code.
#include "passes/numerics/Quantization.h"
#include "dialect/arithmetic/FloatArithmetic.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace vitya::numerics {
namespace {

/// `scale` as an f32, raised to the smallest normal one; 1 if it is zero.
float normalScale(double scale) { return scale == 0 ? 1.0f : std::max(float(scale), kLeastScale); }

} // namespace

int32_t AffineParameters::quantize(float x) const {
  FloatArithmetic a;
  return numerics::quantize(a, x, 1.0f / scale, float(zeroPoint), levels);
}

AffineParameters affineParameters(Range range, Levels levels) {
  double min = std::min(0.0, double(range.min)), max = std::max(0.0, double(range.max));
  float scale = normalScale((max - min) / (levels.max - levels.min));
  double zeroPoint = std::clamp<double>(std::nearbyint(levels.min - min / scale), levels.min, levels.max);
  return {scale, int32_t(zeroPoint), levels};
}

AffineParameters symmetricParameters(float magnitude, Levels levels) {
  return {normalScale(double(magnitude) / levels.max), 0, levels};
}

std::optional<double> signalToNoise(double relativeNoise) {
  return relativeNoise > 0 ? std::optional(-10 * std::log10(relativeNoise)) : std::nullopt;
}

RowMajorOf<float> QuantizedWeight::dequantize() const {
  RowMajorOf<float> result = values.cast<float>();
  for (Eigen::Index row = 0; row < result.rows(); ++row)
    result.row(row) *= scales[scales.size() == 1 ? 0 : row];
  return result;
}

/// The scale of weightScales() for `values`.
static float weightScale(Eigen::Ref<const Eigen::ArrayXf> values, int bits) {
  constexpr int kSteps = 50, kLastStep = 25;
  Levels levels = signedLevels(bits);
  float magnitude = values.abs().maxCoeff(), best = symmetricParameters(magnitude, levels).scale;
  if (bits == 8)
    return best;
  double least = std::numeric_limits<double>::infinity();
  for (int step = kSteps; step >= kLastStep; --step) {
    float scale = symmetricParameters(float(double(magnitude) * step / kSteps), levels).scale;
    Eigen::ArrayXf rounded = (values * (1.0f / scale)).rint().max(float(levels.min)).min(float(levels.max)) * scale;
    double error = (rounded - values).cast<double>().square().sum();
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

std::vector<float> weightScales(const RowMajorOf<float> &weight, bool perChannel, int bits) {
  if (!perChannel)
    return {weightScale(Eigen::Map<const Eigen::ArrayXf>(weight.data(), weight.size()), bits)};
  std::vector<float> scales;
  for (Eigen::Index row = 0; row < weight.rows(); ++row)
    scales.push_back(weightScale(weight.row(row).transpose().array(), bits));
  return scales;
}

QuantizedWeight quantizeWeight(const RowMajorOf<float> &weight, bool perChannel, int bits) {
  QuantizedWeight result{RowMajorOf<int8_t>(weight.rows(), weight.cols()), weightScales(weight, perChannel, bits)};
  for (Eigen::Index row = 0; row < weight.rows(); ++row) {
    AffineParameters parameters{result.scales[perChannel ? row : 0], 0, signedLevels(bits)};
    for (Eigen::Index column = 0; column < weight.cols(); ++column)
      result.values(row, column) = int8_t(parameters.quantize(weight(row, column)));
  }
  return result;
}

Distortion distortionOf(const RowMajorOf<float> &weight, const QuantizedWeight &quantized) {
  Eigen::MatrixXd exact = weight.cast<double>(), error = quantized.dequantize().cast<double>() - exact;
  double count = double(exact.size());
  return {exact.squaredNorm() / count, error.squaredNorm() / count, 0};
}

Eigen::VectorXf smoothingFactors(const Eigen::VectorXf &inputMagnitudes, const Eigen::VectorXf &weightMagnitudes,
                                 double alpha) {
  Eigen::VectorXf factors(inputMagnitudes.size());
  for (Eigen::Index j = 0; j < factors.size(); ++j) {
    double x = inputMagnitudes[j], w = weightMagnitudes[j];
    double factor = x == 0 || w == 0 ? 1 : std::pow(x, alpha) / std::pow(w, 1 - alpha);
    factors[j] = float(std::clamp(factor, 1e-5, 1e5));
  }
  return factors;
}

} // namespace vitya::numerics
