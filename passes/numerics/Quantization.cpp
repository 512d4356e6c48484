// Parameters are computed in double precision and rounded once; levels are computed in f32, as in compiled code.
#include "passes/numerics/Quantization.h"
#include "dialect/arithmetic/FloatArithmetic.h"
#include <algorithm>
#include <cmath>

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

QuantizedWeight quantizeWeight(const RowMajorOf<float> &weight, bool perChannel) {
  QuantizedWeight result;
  result.values.resize(weight.rows(), weight.cols());
  if (!perChannel)
    result.scales = {symmetricParameters(weight.cwiseAbs().maxCoeff()).scale};
  for (Eigen::Index row = 0; row < weight.rows(); ++row) {
    AffineParameters parameters = symmetricParameters(weight.row(row).cwiseAbs().maxCoeff());
    if (perChannel)
      result.scales.push_back(parameters.scale);
    else
      parameters.scale = result.scales.front();
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
