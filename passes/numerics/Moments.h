// First and second moments of the input of a layer, in double precision.
#ifndef VITYA_PASSES_NUMERICS_MOMENTS_H
#define VITYA_PASSES_NUMERICS_MOMENTS_H

#include "dialect/arithmetic/MatrixProduct.h"
#include <cstdint>

namespace vitya::numerics {

/// f32 samples, one per row.
using Samples = FloatMatrix;

/// The sums behind `Moments` of one variable x.
struct Sums {
  int64_t samples = 0;
  Eigen::VectorXd sum, magnitudes; ///< sums of x and of |x|
  DoubleMatrix products;           ///< sum of x x^T
};

/// Count, means E[x] and E[z], and second moment E[x z^T] of pairs of samples x and z of width n. For one variable z =
/// x; pairs are needed for anchored factorisation.
class Moments {
public:
  Moments() = default;
  explicit Moments(int64_t width);

  /// The moments of one variable with these sums.
  explicit Moments(Sums sums);

  /// Adds the rows of `samples` as pairs (x, x).
  void add(const Samples &samples);
  /// Adds the pairs (x, z) of the rows of `first` and `second`.
  void add(const Samples &first, const Samples &second);
  /// Adds the sums of `other`, which has the same width.
  void add(const Moments &other);

  /// The sums; only for moments of one variable.
  Sums sums() const { return {samples, sum, magnitudes, products}; }
  int64_t width() const { return sum.size(); }
  int64_t count() const { return samples; }
  Eigen::VectorXd mean() const { return sum / double(samples); }
  Eigen::VectorXd secondMean() const { return secondSum / double(samples); }
  /// E[|x_i|]; not defined for z.
  Eigen::VectorXd meanMagnitude() const { return magnitudes / double(samples); }
  /// E[x z^T], not centred.
  Eigen::MatrixXd second() const { return products / double(samples); }
  /// E[(x - E x) (z - E z)^T].
  Eigen::MatrixXd covariance() const { return second() - mean() * secondMean().transpose(); }

private:
  int64_t samples = 0;
  Eigen::VectorXd sum, secondSum, magnitudes;
  DoubleMatrix products;
};

/// Computes moments of samples that arrive in small blocks. Buffering the rows makes this several times as fast as
/// adding each block.
class MomentsBuilder {
public:
  explicit MomentsBuilder(int64_t width) : moments(width) {}

  /// See `Moments::add`. All calls on an object must use the same overload.
  void add(const Samples &samples);
  void add(const Samples &first, const Samples &second);

  /// Returns the moments of all samples.
  Moments take();

private:
  /// Flushes the buffers unless `rows` more rows fit; enlarges them if even an empty one is too small.
  void reserve(int64_t rows, bool isPair);
  void flush();

  Moments moments;
  RowMajorOf<float> first, second; ///< buffers, of which `count` rows are used
  int64_t count = 0;
};

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_MOMENTS_H
