// Products of f32 samples are exact in double.
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
  addTransposedProduct(block, block, products);
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

} // namespace vitya::numerics
