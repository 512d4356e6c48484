// Rounding of a weight that takes the input of its layer into account: GPTQ (arXiv 2210.17323).
//
// If a row w of a weight becomes v, the output of its layer changes by e z for e = w - v and the input z, in the mean
// square by e H e^T with the second moment H = E[z z^T]. GPTQ rounds the columns one after the other. After each, it
// moves the columns that are not rounded yet so that they make up for the error as well as they can.
//
// With the upper triangular Cholesky factor R of H = R R^T, the error is |e R|^2, and entry k of e R depends on the
// columns up to k alone. The columns after k can make all later entries zero, whatever the columns up to k are. What
// remains for column k is to make entry k small: v_k / s is the level next to (w_k + sum_{i < k} e_i R_ik / R_kk) / s.
// This is the result of GPTQ, whose formulas use the factor of the inverse of H, without that inverse. (It is also
// Babai's nearest plane method.) Without clipping, entry k is at most s R_kk / 2, and R_kk <= sqrt(H_kk).
#ifndef VITYA_PASSES_NUMERICS_GPTQ_H
#define VITYA_PASSES_NUMERICS_GPTQ_H

#include "passes/numerics/Quantization.h"

namespace vitya::numerics {

/// The order in which GPTQ rounds columns.
enum class ColumnOrder {
  natural,
  descending ///< by the mean square of the input, so that all others can make up for the error of the most important
};

struct GptqSettings {
  double damping = 0.01; ///< this times the mean of the diagonal of H is added to the diagonal
  ColumnOrder order = ColumnOrder::descending;
};

/// The scales that Gptq::roundAndScale() tries, as multiples of the given ones.
inline constexpr double kScaleFactors[] = {1, 0.85, 0.9, 0.95, 1.05, 1.1, 1.15};

/// Rounds the weights of layers that read one input.
class Gptq {
public:
  /// `second` is the second moment H of the input, finite. If it is zero, weights are rounded to nearest. The damping,
  /// which is positive, makes a singular H regular.
  Gptq(const Eigen::MatrixXd &second, GptqSettings settings);

  /// Rounds the finite `weight` [out, in] to `levels` times `scales`, one for all rows or one for each.
  QuantizedWeight round(const Eigen::MatrixXd &weight, const std::vector<float> &scales, Levels levels) const;

  /// The same with each scale multiplied by the one of kScaleFactors for which the error e H e^T, with the damped H, of
  /// the rows of this scale is least.
  QuantizedWeight roundAndScale(const Eigen::MatrixXd &weight, const std::vector<float> &scales, Levels levels) const;

  /// `matrix` (H + D)^(-1), where D is the damping.
  Eigen::MatrixXd solve(const Eigen::MatrixXd &matrix) const;

private:
  /// A rounded weight and, for each scale, the error of its rows.
  struct Rounded {
    QuantizedWeight weight;
    Eigen::VectorXd errors;
  };
  Rounded roundWith(const Eigen::MatrixXd &weight, const std::vector<float> &scales, Levels levels) const;

  std::vector<Eigen::Index> order; ///< of the columns
  DoubleMatrix factor;             ///< R, with rows and columns in this order
  RowMajorOf<float> singleFactor;  ///< R in single precision
};

/// Whether `second` is singular to working precision.
bool isSingular(const Eigen::MatrixXd &second);

/// E|(w - v) z|^2 over the rows w of `weight` and v of `rounded`: the mean squared error of the output of a layer for
/// an input z with the second moment `second`.
double outputError(const Eigen::MatrixXd &weight, const QuantizedWeight &rounded, const Eigen::MatrixXd &second);

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_GPTQ_H
