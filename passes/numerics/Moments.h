// Second moments of the vectors that a layer sees, in double precision.
#ifndef VITYA_PASSES_NUMERICS_MOMENTS_H
#define VITYA_PASSES_NUMERICS_MOMENTS_H

#include "dialect/arithmetic/MatrixProduct.h"
#include <cstdint>

namespace vitya::numerics {

/// f32 samples, one a row.
using Samples = FloatMatrix;

/// What `Moments` adds up where z = x.
struct Sums {
  int64_t samples = 0;
  Eigen::VectorXd sum, magnitudes; ///< of x and of |x|
  DoubleMatrix products;           ///< of x x^T
};

/// Sums over samples x of width n and, for anchored factorisation, z of the same width: count, E[x], E[z], E[x z^T].
/// With z = x these are mean and second moment of one variable.
class Moments {
public:
  Moments() = default;
  explicit Moments(int64_t width);

  /// The moments whose sums are `sums`.
  explicit Moments(Sums sums);

  /// Adds rows x of `samples`, with z = x.
  void add(const Samples &samples);
  /// Adds pairs of rows (x, z).
  void add(const Samples &first, const Samples &second);
  /// Adds the sums of `other`, which has the same width.
  void add(const Moments &other);

  /// The sums themselves, where z = x.
  Sums sums() const { return {samples, sum, magnitudes, products}; }
  int64_t width() const { return sum.size(); }
  int64_t count() const { return samples; }
  Eigen::VectorXd mean() const { return sum / double(samples); }
  Eigen::VectorXd secondMean() const { return secondSum / double(samples); }
  /// E[|x_i|]: of x only.
  Eigen::VectorXd meanMagnitude() const { return magnitudes / double(samples); }
  /// E[x z^T], around zero.
  Eigen::MatrixXd second() const { return products / double(samples); }
  /// E[(x - E x) (z - E z)^T].
  Eigen::MatrixXd covariance() const { return second() - mean() * secondMean().transpose(); }
  /// Whether all sums are finite.
  bool isFinite() const { return products.allFinite() && sum.allFinite() && secondSum.allFinite(); }

private:
  int64_t samples = 0;
  Eigen::VectorXd sum, secondSum, magnitudes;
  DoubleMatrix products;
};

/// Adds samples that come in small blocks to moments many at a time, which is several times as fast.
class MomentsBuilder {
public:
  explicit MomentsBuilder(int64_t width) : moments(width) {}

  /// As `Moments::add`. Calls of one object are all of one kind.
  void add(const Samples &samples);
  void add(const Samples &first, const Samples &second);

  /// The moments of all that was added.
  Moments take();

private:
  using Block = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  /// Makes room for `rows` rows of each, all of which fit.
  void reserve(int64_t rows, bool isPair);
  void flush();

  Moments moments;
  Block first, second; ///< of which `count` rows wait
  int64_t count = 0;
};

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_MOMENTS_H
