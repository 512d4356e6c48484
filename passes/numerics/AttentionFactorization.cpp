// The rank of a product is at most the width of a head, so its SVD follows from that of a small core matrix between two
// thin QR factors.
#include "passes/numerics/AttentionFactorization.h"
#include <Eigen/QR>
#include <Eigen/SVD>

using namespace Eigen;

namespace vitya::numerics {
namespace {

struct ThinSvd {
  MatrixXd u; ///< [m, k]
  VectorXd values;
  MatrixXd v; ///< [n, k]
};

/// The SVD of x y^T for x [m, k] and y [n, k], k at most m and n.
ThinSvd svdOfProduct(const MatrixXd &x, const MatrixXd &y) {
  int64_t k = x.cols();
  HouseholderQR<MatrixXd> qx(x), qy(y);
  MatrixXd rx = qx.matrixQR().topRows(k).triangularView<Upper>(), ry = qy.matrixQR().topRows(k).triangularView<Upper>();
  JacobiSVD<MatrixXd> core(rx * ry.transpose(), ComputeFullU | ComputeFullV);
  return {qx.householderQ() * MatrixXd::Identity(x.rows(), k) * core.matrixU(), core.singularValues(),
          qy.householderQ() * MatrixXd::Identity(y.rows(), k) * core.matrixV()};
}

/// E[(x, 1) (x, 1)^T].
MatrixXd augmentedSecond(const Moments &input) {
  int64_t n = input.width();
  MatrixXd result(n + 1, n + 1);
  result.topLeftCorner(n, n) = input.second();
  result.topRightCorner(n, 1) = input.mean();
  result.bottomLeftCorner(1, n) = input.mean().transpose();
  result(n, n) = 1;
  return result;
}

} // namespace

QueryKeyInput::QueryKeyInput(const Moments &input)
    : mean(input.mean()), augmented(rootOf(augmentedSecond(input))), centred(rootOf(input.covariance())) {}

QueryKeyFactorization::QueryKeyFactorization(const QueryKey &maps, const QueryKeyInput &input) : mean(input.mean) {
  MatrixXd query(maps.query.rows(), maps.query.cols() + 1);
  query << maps.query, maps.queryBias;
  ThinSvd svd = svdOfProduct(input.augmented.root * query.transpose(), input.centred.root * maps.key.transpose());
  values = svd.values;
  left = svd.u.transpose() * input.augmented.inverse;
  right = svd.v.transpose() * input.centred.inverse;
}

QueryKey QueryKeyFactorization::truncate(int64_t rank) const {
  VectorXd balance = values.head(rank).cwiseSqrt();
  MatrixXd query = balance.asDiagonal() * left.topRows(rank);
  QueryKey result;
  result.query = query.leftCols(query.cols() - 1);
  result.queryBias = query.rightCols(1);
  result.key = balance.asDiagonal() * right.topRows(rank);
  result.keyBias = -result.key * mean;
  return result;
}

ValueOutputFactorization::ValueOutputFactorization(const ValueOutput &maps, const Moments &averagedInput)
    : mean(averagedInput.mean()), bias(maps.output * maps.valueBias), product(maps.output * maps.value) {
  Root root = rootOf(averagedInput.covariance());
  ThinSvd svd = svdOfProduct(maps.output, root.root * maps.value.transpose());
  values = svd.values;
  left = svd.u;
  right = svd.v.transpose() * root.inverse;
}

ValueOutputFactorization::Result ValueOutputFactorization::truncate(int64_t rank) const {
  VectorXd balance = values.head(rank).cwiseSqrt();
  Result result;
  result.output = left.leftCols(rank) * balance.asDiagonal();
  result.value = balance.asDiagonal() * right.topRows(rank);
  result.outputBias = bias + product * mean - result.output * (result.value * mean);
  return result;
}

} // namespace vitya::numerics
