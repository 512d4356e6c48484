// Products of f32 matrices in double precision, as fast as the processor allows: where calibration spends its time.
// Eigen's are compiled for the least processor of the build; these are compiled for several, chosen when the program
// starts.
#ifndef VITYA_DIALECT_ARITHMETIC_MATRIXPRODUCT_H
#define VITYA_DIALECT_ARITHMETIC_MATRIXPRODUCT_H

#include <Eigen/Core>
#include <vector>

namespace vitya::numerics {

template <typename T>
using RowMajorOf = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
/// f32 in row-major order.
using FloatMatrix = Eigen::Ref<const RowMajorOf<float>>;
/// Double precision in row-major order.
using DoubleMatrix = RowMajorOf<double>;

/// A matrix [n, k] in the order in which products read it.
class PackedMatrix {
public:
  explicit PackedMatrix(const FloatMatrix &matrix);

  int64_t rows() const { return size; }
  int64_t cols() const { return length; }
  /// Elements [begin, begin + depth) of all rows, `begin` a multiple of the blocks that products go in.
  const float *block(int64_t begin) const;

private:
  int64_t size, length;
  std::vector<float> data;
};

/// a b^T for a [m, k] and b [n, k]. Sums run over k in order, whatever the shapes.
DoubleMatrix productWithTransposed(const FloatMatrix &a, const PackedMatrix &b);

/// The same in single precision: each sum is a chain of fused multiply-adds over k, from zero and in order.
RowMajorOf<float> fusedProductWithTransposed(const FloatMatrix &a, const PackedMatrix &b);

/// Adds a^T b to `sum` [m, n], for a [k, m] and b [k, n].
void addTransposedProduct(const FloatMatrix &a, const FloatMatrix &b, Eigen::Ref<DoubleMatrix> sum);

/// Adds a^T a to `sum` [m, m], which is symmetric and remains so to the bit, for a [k, m].
void addGram(const FloatMatrix &a, Eigen::Ref<DoubleMatrix> sum);

} // namespace vitya::numerics

#endif // VITYA_DIALECT_ARITHMETIC_MATRIXPRODUCT_H
