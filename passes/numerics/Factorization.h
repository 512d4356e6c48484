// Low-rank factorisation of a linear map W [out, in], y = W x + b: W is replaced by A B with A [out, r], B [r, in].
//
// Every method is the truncated SVD of a target T [out, in] in coordinates where it is the error that counts, mapped
// back by P [in, in]: A B = T_r P, where T P = W at full rank. With singular values s, A = U s^(1/2) and
// B = s^(1/2) V^T P: the values are split evenly, which keeps both factors quantizable.
//
// The SVD comes from the eigenvectors of the smaller of T T^T and T^T T in double precision. A B is then a projection
// of W, so at full rank it is W to rounding, however small the singular values.
#ifndef VITYA_PASSES_NUMERICS_FACTORIZATION_H
#define VITYA_PASSES_NUMERICS_FACTORIZATION_H

#include "passes/numerics/Moments.h"
#include <Eigen/Core>

namespace vitya::numerics {

/// W is approximated by left * right.
struct Factors {
  Eigen::MatrixXd left;  ///< [out, r]
  Eigen::MatrixXd right; ///< [r, in]
};

/// The relative floor of eigenvalues of a covariance: directions that hold less than this share of the largest are
/// treated as if they held as much. The covariance of what a LayerNorm makes is singular.
inline constexpr double kEigenvalueFloor = 1e-7;

/// The SVD of a weight by one of the methods below, to be cut at any rank.
class Factorization {
public:
  /// T = W.
  static Factorization plain(const Eigen::MatrixXd &weight);

  /// T = W diag(s), s_j = (E|x_j|)^alpha + 1e-6 (ASVD, arXiv 2312.05821).
  static Factorization activationAware(const Eigen::MatrixXd &weight, const Moments &input, double alpha);

  /// T = W C^(1/2) for the covariance C of the input (SVD-LLM, arXiv 2403.07378; the optimum is that of the output's
  /// principal components). Dropping singular value s_k costs s_k^2 of output energy E||y - y'||^2, with the mean's
  /// part in the bias (`correctedBias`).
  static Factorization whitened(const Eigen::MatrixXd &weight, const Moments &input);

  /// T = W E[x z^T] C^(-1/2) with C = E[z z^T], both centred: the least squares fit to the output W x of the original
  /// input x from the input z of the model compressed so far. `compressed` are the moments of z, `cross` those of (x,
  /// z).
  static Factorization anchored(const Eigen::MatrixXd &weight, const Moments &compressed, const Moments &cross);

  /// Singular values of T, largest first: min(out, in) of them.
  const Eigen::VectorXd &singularValues() const { return values; }

  /// Cut at `rank`, from 1 to min(out, in).
  Factors truncate(int64_t rank) const;

private:
  static Factorization ofTarget(const Eigen::MatrixXd &target, const Eigen::MatrixXd &unwhitening);
  static Factorization ofOutputs(const Eigen::MatrixXd &gram, const Eigen::MatrixXd &map);
  static Factorization ofCovariance(const Eigen::MatrixXd &map, const Eigen::MatrixXd &covariance);

  Eigen::VectorXd values;
  Eigen::MatrixXd left;  ///< [out, min]: U, or T V s^(-1)
  Eigen::MatrixXd right; ///< [min, in]: s V^T P
};

/// `factors` with the left one that fits the output W x best from B z: A = W E[x z^T] B^T (B E[z z^T] B^T)^(-1), both
/// centred, for the moments that `Factorization::anchored` takes.
Factors refit(const Factors &factors, const Eigen::MatrixXd &weight, const Moments &compressed, const Moments &cross);

/// The bias that goes with `factors`: b' = b + W E[x] - A B E[z], so that the mean output is exact.
Eigen::VectorXd correctedBias(const Eigen::VectorXd &bias, const Eigen::MatrixXd &weight,
                              const Eigen::VectorXd &originalMean, const Factors &factors,
                              const Eigen::VectorXd &compressedMean);

/// A linear map and its bias.
struct LinearMap {
  Eigen::MatrixXd weight; ///< [out, in]
  Eigen::VectorXd bias;
};

/// C^(1/2) and C^(-1/2) of a covariance, symmetric, with floored eigenvalues.
struct Root {
  Eigen::MatrixXd root, inverse;
};
Root rootOf(const Eigen::MatrixXd &covariance);

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_FACTORIZATION_H
