// Fast products of f32 matrices, in which calibration spends its time. Eigen's products are compiled for the oldest
// supported processor; these are compiled for several processors.
#ifndef VITYA_DIALECT_ARITHMETIC_MATRIXPRODUCT_H
#define VITYA_DIALECT_ARITHMETIC_MATRIXPRODUCT_H

#include <Eigen/Core>
#include <vector>

namespace vitya::numerics {

/// An Eigen matrix in row-major order.
template <typename T>
using RowMajorOf = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
/// A view of an f32 matrix in row-major order.
using FloatMatrix = Eigen::Ref<const RowMajorOf<float>>;
/// A double precision matrix in row-major order.
using DoubleMatrix = RowMajorOf<double>;

/// A copy of a matrix [n, k] whose elements are in the order in which products read them.
class PackedMatrix {
public:
  explicit PackedMatrix(const FloatMatrix &matrix);

  int64_t rows() const { return size; }
  int64_t cols() const { return length; }
  /// The panels of the block of columns that starts at `begin`. Products go through k in blocks of a fixed size.
  const float *block(int64_t begin) const;

private:
  int64_t size, length;
  std::vector<float> data;
};

/// a b^T for a [m, k] and b [n, k]. Sums run over k in order, independently of the shapes.
DoubleMatrix productWithTransposed(const FloatMatrix &a, const PackedMatrix &b);

/// The same in single precision: each sum is a chain of fused multiply-adds over k, from zero and in order.
RowMajorOf<float> fusedProductWithTransposed(const FloatMatrix &a, const PackedMatrix &b);

/// Adds a^T b to `sum` [m, n], for a [k, m] and b [k, n].
void addTransposedProduct(const FloatMatrix &a, const FloatMatrix &b, Eigen::Ref<DoubleMatrix> sum);

/// Adds a^T a to `sum` [m, m], for a [k, m]. The sum must be symmetric and remains exactly symmetric.
void addGram(const FloatMatrix &a, Eigen::Ref<DoubleMatrix> sum);

} // namespace vitya::numerics

#endif // VITYA_DIALECT_ARITHMETIC_MATRIXPRODUCT_H
