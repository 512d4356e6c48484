// Products of f32 matrices in double precision, as fast as the processor allows: where calibration spends its time.
// Eigen's are compiled for the least processor of the build; these are compiled for several, chosen when the program
// starts.
#ifndef VITYA_PASSES_NUMERICS_MATRIXPRODUCT_H
#define VITYA_PASSES_NUMERICS_MATRIXPRODUCT_H

#include <Eigen/Core>

namespace vitya::numerics {

/// f32 in row-major order.
using FloatMatrix = Eigen::Ref<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
/// Double precision in row-major order.
using DoubleMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// a b^T for a [m, k] and b [n, k]. Sums run over k in order, whatever the shapes.
DoubleMatrix productWithTransposed(const FloatMatrix &a, const FloatMatrix &b);

/// Adds a^T b to `sum` [m, n], for a [k, m] and b [k, n]. Exactly symmetric where a = b.
void addTransposedProduct(const FloatMatrix &a, const FloatMatrix &b, Eigen::Ref<DoubleMatrix> sum);

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_MATRIXPRODUCT_H
