// SVDs computed from the symmetric eigenvalue problem of the smaller side.
#include "passes/numerics/Factorization.h"
#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>

using namespace Eigen;

namespace vitya::numerics {
namespace {

/// Eigenvalues, largest first and not negative, with their eigenvectors as columns.
struct Spectrum {
  VectorXd values;
  MatrixXd vectors;
};

Spectrum spectrumOf(const MatrixXd &symmetric) {
  SelfAdjointEigenSolver<MatrixXd> solver(symmetric);
  return {solver.eigenvalues().reverse().cwiseMax(0), solver.eigenvectors().rowwise().reverse()};
}

/// 1 / x, or 0 if x is 0, which drops the direction.
VectorXd inverseOrZero(const VectorXd &values) {
  return values.unaryExpr([](double value) { return value > 0 ? 1 / value : 0; });
}

} // namespace

Root rootOf(const MatrixXd &covariance) {
  Spectrum spectrum = spectrumOf(covariance);
  double largest = spectrum.values.size() ? spectrum.values[0] : 0;
  // The covariance of a constant input is zero: any coordinates will do.
  double floor = largest > 0 ? largest * kEigenvalueFloor : 1;
  VectorXd root = spectrum.values.cwiseMax(floor).cwiseSqrt();
  return {spectrum.vectors * root.asDiagonal() * spectrum.vectors.transpose(),
          spectrum.vectors * root.cwiseInverse().asDiagonal() * spectrum.vectors.transpose()};
}

/// For in <= out: T^T T = V s^2 V^T, so U = T V / s and s V^T P.
Factorization Factorization::ofTarget(const MatrixXd &target, const MatrixXd &unwhitening) {
  Spectrum spectrum = spectrumOf(target.transpose() * target);
  Factorization result;
  result.values = spectrum.values.cwiseSqrt();
  result.left = target * spectrum.vectors * inverseOrZero(result.values).asDiagonal();
  result.right = result.values.asDiagonal() * spectrum.vectors.transpose() * unwhitening;
  return result;
}

/// For out <= in, from T T^T = U s^2 U^T and T P: U^T T P = s V^T P.
Factorization Factorization::ofOutputs(const MatrixXd &gram, const MatrixXd &map) {
  Spectrum spectrum = spectrumOf(gram);
  Factorization result;
  result.values = spectrum.values.cwiseSqrt();
  result.right = spectrum.vectors.transpose() * map;
  result.left = std::move(spectrum.vectors);
  return result;
}

Factorization Factorization::plain(const MatrixXd &weight) {
  if (weight.rows() <= weight.cols())
    return ofOutputs(weight * weight.transpose(), weight);
  return ofTarget(weight, MatrixXd::Identity(weight.cols(), weight.cols()));
}

Factorization Factorization::activationAware(const MatrixXd &weight, const Moments &input, double alpha) {
  VectorXd scale = input.meanMagnitude().array().pow(alpha) + 1e-6;
  MatrixXd target = weight * scale.asDiagonal();
  if (weight.rows() <= weight.cols())
    return ofOutputs(target * target.transpose(), weight);
  return ofTarget(target, scale.cwiseInverse().asDiagonal().toDenseMatrix());
}

Factorization Factorization::ofCovariance(const MatrixXd &map, const MatrixXd &covariance) {
  if (map.rows() <= map.cols())
    return ofOutputs(map * covariance * map.transpose(), map);
  Root root = rootOf(covariance);
  return ofTarget(map * root.root, root.inverse);
}

Factorization Factorization::whitened(const MatrixXd &weight, const Moments &input) {
  return ofCovariance(weight, input.covariance());
}

MatrixXd regression(const MatrixXd &weight, const Moments &compressed, const Moments &cross, double ridge) {
  // Written as W plus a correction: in directions without energy in z, the ridge then shrinks the result towards W
  // instead of zero.
  MatrixXd covariance = compressed.covariance(), regularised = covariance;
  ridge *= covariance.trace() / double(covariance.rows());
  regularised.diagonal().array() += ridge > 0 ? ridge : 1;
  MatrixXd drift = weight * (cross.covariance() - covariance);
  return weight + regularised.ldlt().solve(drift.transpose()).transpose();
}

Factorization Factorization::anchored(const MatrixXd &weight, const Moments &compressed, const Moments &cross) {
  return ofCovariance(regression(weight, compressed, cross, kAnchoredRidge), compressed.covariance());
}

Factors Factorization::truncate(int64_t rank) const {
  VectorXd balance = values.head(rank).cwiseSqrt();
  return {left.leftCols(rank) * balance.asDiagonal(), inverseOrZero(balance).asDiagonal() * right.topRows(rank)};
}

/// Written as a correction of the left factor, for the same reason as in `anchored`.
Factors refit(const Factors &factors, const MatrixXd &weight, const Moments &compressed, const Moments &cross) {
  const auto &[left, right] = factors;
  MatrixXd gram = right * compressed.covariance() * right.transpose();
  double ridge = gram.trace() / double(gram.rows()) * kEigenvalueFloor;
  gram.diagonal().array() += ridge > 0 ? ridge : 1;
  MatrixXd drift = (weight * cross.covariance() - left * (right * compressed.covariance())) * right.transpose();
  return {left + gram.ldlt().solve(drift.transpose()).transpose(), right};
}

MatrixXd hartleyMatrix(int64_t size) {
  return MatrixXd::NullaryExpr(size, size, [size](int64_t i, int64_t j) {
    double angle = 2 * EIGEN_PI * double(i * j % size) / double(size);
    return (std::cos(angle) + std::sin(angle)) / std::sqrt(double(size));
  });
}

VectorXd correctedBias(const VectorXd &bias, const MatrixXd &weight, const VectorXd &originalMean,
                       const Factors &factors, const VectorXd &compressedMean) {
  return bias + weight * originalMean - factors.left * (factors.right * compressedMean);
}

} // namespace vitya::numerics
