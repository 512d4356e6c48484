// Low-rank factorisation of attention through the products it is made of (A3, arXiv 2505.12942): scores need only the
// product of a head's query and key maps, and the output only that of its value and output maps. Cutting the products
// shrinks the widths of heads; no second product is added.
//
// Valid without norms on queries and keys and without rotary positions.
#ifndef VITYA_PASSES_NUMERICS_ATTENTIONFACTORIZATION_H
#define VITYA_PASSES_NUMERICS_ATTENTIONFACTORIZATION_H

#include "passes/numerics/Factorization.h"

namespace vitya::numerics {

/// The query and key maps of one head, y = W x + b, with W [width, in].
struct QueryKey {
  Eigen::MatrixXd query, key;
  Eigen::VectorXd queryBias, keyBias;
};

/// What the factorisation of query and key maps needs of their input, the same for all heads.
struct QueryKeyInput {
  QueryKeyInput(const Moments &input);
  Eigen::VectorXd mean;
  Root augmented; ///< of the second moment of (x, 1)
  Root centred;   ///< of the covariance of x
};

/// The SVD of a head's product of query and key maps, Ca^(1/2) Wa_q^T W_k C^(1/2): Wa_q has the bias as one more
/// column, Ca is the second moment of (x, 1), C the covariance of x. What depends on the query alone vanishes in the
/// softmax, so the key's bias and mean count only through the query's product with them, which is exact. Dropping
/// singular value s_k costs s_k^2 of the scores' energy, before their scale, for queries and keys drawn independently.
class QueryKeyFactorization {
public:
  QueryKeyFactorization(const QueryKey &maps, const QueryKeyInput &input);
  const Eigen::VectorXd &singularValues() const { return values; }
  /// Maps of `rank` rows each, from 1 to the head's width, whose products are closest.
  QueryKey truncate(int64_t rank) const;

private:
  Eigen::VectorXd values, mean;
  Eigen::MatrixXd left;  ///< [min, in + 1]: U^T Ca^(-1/2)
  Eigen::MatrixXd right; ///< [min, in]: V^T C^(-1/2)
};

/// The value map of one head, v = W_v x + b_v with W_v [width, in], and the part W_o [out, width] of the output map
/// that reads it.
struct ValueOutput {
  Eigen::MatrixXd value, output;
  Eigen::VectorXd valueBias;
};

/// The SVD of W_o W_v Cp^(1/2), Cp the covariance of the head's attention-averaged inputs p = sum_j a_j x_j. Dropping
/// singular value s_k costs s_k^2 of output energy. Attention weights sum to one, so what a constant adds to every
/// value it adds to the output: biases and means move there exactly.
class ValueOutputFactorization {
public:
  ValueOutputFactorization(const ValueOutput &maps, const Moments &averagedInput);
  const Eigen::VectorXd &singularValues() const { return values; }
  /// Maps through `rank` values, from 1 to the head's width, without a value bias; `outputBias` is what they add to the
  /// bias of the output map.
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
