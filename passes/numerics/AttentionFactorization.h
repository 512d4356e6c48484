// Low-rank factorisation of attention (A3, arXiv 2505.12942). The scores of a head depend only on the product of its
// query and key maps, and its output only on the product of its value and output maps. Truncating the SVDs of these
// products narrows the heads and adds no further layer.
//
// Valid only without norms of queries and keys and without rotary position embeddings.
#ifndef VITYA_PASSES_NUMERICS_ATTENTIONFACTORIZATION_H
#define VITYA_PASSES_NUMERICS_ATTENTIONFACTORIZATION_H

#include "passes/numerics/Factorization.h"

namespace vitya::numerics {

/// The query and key maps of one head, y = W x + b, with W [width, in].
struct QueryKey {
  Eigen::MatrixXd query, key;
  Eigen::VectorXd queryBias, keyBias;
};

/// The moments of the input of query and key maps, prepared once for all heads.
struct QueryKeyInput {
  QueryKeyInput(const Moments &input);
  Eigen::VectorXd mean;
  Root augmented; ///< root of the second moment of (x, 1)
  Root centred;   ///< root of the covariance of x
};

/// The SVD of the product of the query and key maps of a head, Ca^(1/2) Wa_q^T W_k C^(1/2), where Wa_q is W_q with the
/// bias as one more column, Ca is the second moment of (x, 1) and C the covariance of x. Terms of a score that depend
/// on the query alone cancel in the softmax, so the key's bias and mean are omitted without error. Dropping the
/// singular value s_k costs s_k^2 of the energy of the unscaled scores, if queries and keys are drawn independently.
class QueryKeyFactorization {
public:
  QueryKeyFactorization(const QueryKey &maps, const QueryKeyInput &input);
  const Eigen::VectorXd &singularValues() const { return values; }
  /// The best approximation by maps of `rank` rows each, from 1 to the head's width.
  QueryKey truncate(int64_t rank) const;

private:
  Eigen::VectorXd values, mean;
  Eigen::MatrixXd left;  ///< [min, in + 1]: U^T Ca^(-1/2)
  Eigen::MatrixXd right; ///< [min, in]: V^T C^(-1/2)
};

/// The value map of one head, v = W_v x + b_v with W_v [width, in], and the columns W_o [out, width] of the output map
/// that are multiplied by v.
struct ValueOutput {
  Eigen::MatrixXd value, output;
  Eigen::VectorXd valueBias;
};

/// The SVD of W_o W_v Cp^(1/2), where Cp is the covariance of the averages p = sum_j a_j x_j of the head's inputs by
/// its attention weights. Dropping the singular value s_k costs s_k^2 of the energy of the output. Attention weights
/// sum to one, so a constant in the value is the same constant in the average: biases and means move to the output bias
/// exactly.
class ValueOutputFactorization {
public:
  ValueOutputFactorization(const ValueOutput &maps, const Moments &averagedInput);
  const Eigen::VectorXd &singularValues() const { return values; }
  /// Maps of head width `rank`, from 1 to the full width, without a value bias. `outputBias` is to be added to the bias
  /// of the output map.
  struct Result {
    Eigen::MatrixXd value, output;
    Eigen::VectorXd outputBias;
  };
  Result truncate(int64_t rank) const;

private:
  Eigen::VectorXd values, mean, bias;
  Eigen::MatrixXd product; ///< W_o W_v
  Eigen::MatrixXd left;    ///< [out, min]: U
  Eigen::MatrixXd right;   ///< [min, in]: V^T Cp^(-1/2)
};

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_ATTENTIONFACTORIZATION_H
