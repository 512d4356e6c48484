// Low-rank factorisation of a linear map W [out, in], y = W x + b: W is replaced by A B with A [out, r], B [r, in].
//
// Every method truncates the SVD of a target T = W Q [out, in], where Q transforms the input so that the error of T is
// the error to be minimised, and transforms back by P = Q^(-1): A B = T_r P. With singular values s, A = U s^(1/2) and
// B = s^(1/2) V^T P. The values are split evenly between the factors, which keeps both quantizable.
//
// The SVD is computed from the eigenvectors of the smaller of T T^T and T^T T in double precision. A B is then a
// projection of W, so at full rank it equals W up to rounding, however small the singular values are.
#ifndef VITYA_PASSES_NUMERICS_FACTORIZATION_H
#define VITYA_PASSES_NUMERICS_FACTORIZATION_H

#include "passes/numerics/Moments.h"
#include <Eigen/Core>

namespace vitya::numerics {

/// The approximation left * right of W.
struct Factors {
  Eigen::MatrixXd left;  ///< [out, r]
  Eigen::MatrixXd right; ///< [r, in]
};

/// Eigenvalues of a covariance are raised to at least this share of the largest one: the covariance of the output of a
/// LayerNorm is singular.
inline constexpr double kEigenvalueFloor = 1e-7;

/// The ridge of `Factorization::anchored`, as a share of the mean variance of the input. Inputs vary little in many
/// directions once the layers before are compressed. A fit that relies on these directions suits the calibration images
/// only, and amplifies the rounding errors of a quantized input. docs/low-rank.md has the measurement.
inline constexpr double kAnchoredRidge = 1e-3;

/// The SVD of a weight by one of the methods below, which can be truncated at any rank.
class Factorization {
public:
  /// T = W.
  static Factorization plain(const Eigen::MatrixXd &weight);

  /// T = W diag(s), s_j = (E|x_j|)^alpha + 1e-6 (ASVD, arXiv 2312.05821).
  static Factorization activationAware(const Eigen::MatrixXd &weight, const Moments &input, double alpha);

  /// T = W C^(1/2) for the covariance C of the input (SVD-LLM, arXiv 2403.07378), which projects the output onto its
  /// principal components. Dropping the singular value s_k costs s_k^2 of the energy of the output, E||y - y'||^2, if
  /// the bias is corrected for the mean (`correctedBias`).
  static Factorization whitened(const Eigen::MatrixXd &weight, const Moments &input);

  /// T = W E[x z^T] C^(-1/2) with C = E[z z^T], both centred: the least squares fit (`regression`) of the output W x,
  /// for the input x in the original model, by the input z in the model as compressed so far, with `kAnchoredRidge`.
  /// `compressed` are the moments of z, `cross` those of the pairs (x, z).
  static Factorization anchored(const Eigen::MatrixXd &weight, const Moments &compressed, const Moments &cross);

  /// Singular values of T, largest first: min(out, in) of them.
  const Eigen::VectorXd &singularValues() const { return values; }

  /// The factors of rank `rank`, from 1 to min(out, in).
  Factors truncate(int64_t rank) const;

private:
  static Factorization ofTarget(const Eigen::MatrixXd &target, const Eigen::MatrixXd &unwhitening);
  static Factorization ofOutputs(const Eigen::MatrixXd &gram, const Eigen::MatrixXd &map);
  static Factorization ofCovariance(const Eigen::MatrixXd &map, const Eigen::MatrixXd &covariance);

  Eigen::VectorXd values;
  Eigen::MatrixXd left;  ///< [out, min]: U, or T V s^(-1)
  Eigen::MatrixXd right; ///< [min, in]: s V^T P
};

/// The least squares fit of W x by z: W E[x z^T] E[z z^T]^(-1), both centred, for the moments of
/// `Factorization::anchored`. `ridge` is a share of the mean variance of z; in directions with less energy the fit
/// approaches W. [out, in]
Eigen::MatrixXd regression(const Eigen::MatrixXd &weight, const Moments &compressed, const Moments &cross,
                           double ridge = kEigenvalueFloor);

/// Replaces the left factor by the least squares fit of the output W x by B z: A = W E[x z^T] B^T (B E[z z^T]
/// B^T)^(-1), both centred, for the moments of `Factorization::anchored`.
Factors refit(const Factors &factors, const Eigen::MatrixXd &weight, const Moments &compressed, const Moments &cross);

/// The bias of the left factor for which the mean output is exact: b' = b + W E[x] - A B E[z].
Eigen::VectorXd correctedBias(const Eigen::VectorXd &bias, const Eigen::MatrixXd &weight,
                              const Eigen::VectorXd &originalMean, const Factors &factors,
                              const Eigen::VectorXd &compressedMean);

/// The orthogonal matrix of the discrete Hartley transform of `size` values (R. N. Bracewell, 1983): entry (i, j) is
/// (cos t + sin t) / sqrt(size) with t = 2 pi i j / size. Its product with a vector of independent components of any
/// variances has components of about the same variance.
Eigen::MatrixXd hartleyMatrix(int64_t size);

/// A linear map and its bias.
struct LinearMap {
  Eigen::MatrixXd weight; ///< [out, in]
  Eigen::VectorXd bias;
};

/// The symmetric C^(1/2) and C^(-1/2) of a covariance C, with eigenvalues raised to `kEigenvalueFloor`.
struct Root {
  Eigen::MatrixXd root, inverse;
};
Root rootOf(const Eigen::MatrixXd &covariance);

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_FACTORIZATION_H
