// The product of two f32 samples is exact in double precision.
#include "passes/numerics/Moments.h"

using namespace Eigen;

namespace vitya::numerics {

Moments::Moments(int64_t width)
    : sum(VectorXd::Zero(width)), secondSum(VectorXd::Zero(width)), magnitudes(VectorXd::Zero(width)),
      products(DoubleMatrix::Zero(width, width)) {}

Moments::Moments(Sums sums)
    : samples(sums.samples), sum(sums.sum), secondSum(std::move(sums.sum)), magnitudes(std::move(sums.magnitudes)),
      products(std::move(sums.products)) {}

void Moments::add(const Samples &block) {
  MatrixXd x = block.cast<double>();
  samples += x.rows();
  sum += x.colwise().sum().transpose();
  secondSum = sum;
  magnitudes += x.cwiseAbs().colwise().sum().transpose();
  addGram(block, products);
}

void Moments::add(const Samples &first, const Samples &second) {
  MatrixXd x = first.cast<double>(), z = second.cast<double>();
  samples += x.rows();
  sum += x.colwise().sum().transpose();
  secondSum += z.colwise().sum().transpose();
  magnitudes += x.cwiseAbs().colwise().sum().transpose();
  addTransposedProduct(first, second, products);
}

void Moments::add(const Moments &other) {
  samples += other.samples;
  sum += other.sum;
  secondSum += other.secondSum;
  magnitudes += other.magnitudes;
  products += other.products;
}

//===----------------------------------------------------------------------===//
// MomentsBuilder
//===----------------------------------------------------------------------===//

/// The least number of rows to buffer: the depth of one block of the matrix product.
static constexpr int64_t kBufferedRows = 256;

void MomentsBuilder::reserve(int64_t rows, bool isPair) {
  if (count + rows > first.rows()) {
    flush();
    int64_t size = std::max(kBufferedRows, rows);
    first.resize(size, moments.width());
    second.resize(isPair ? size : 0, moments.width());
  }
}

void MomentsBuilder::add(const Samples &samples) {
  reserve(samples.rows(), /*isPair=*/false);
  first.middleRows(count, samples.rows()) = samples;
  count += samples.rows();
}

void MomentsBuilder::add(const Samples &ofFirst, const Samples &ofSecond) {
  reserve(ofFirst.rows(), /*isPair=*/true);
  first.middleRows(count, ofFirst.rows()) = ofFirst;
  second.middleRows(count, ofFirst.rows()) = ofSecond;
  count += ofFirst.rows();
}

void MomentsBuilder::flush() {
  if (second.size())
    moments.add(first.topRows(count), second.topRows(count));
  else if (count)
    moments.add(first.topRows(count));
  count = 0;
}

Moments MomentsBuilder::take() {
  flush();
  return std::move(moments);
}

} // namespace vitya::numerics
