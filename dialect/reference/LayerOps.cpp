// linear, layer_norm, attention, mean_pool: what mixes columns or rows.
#include "dialect/reference/Ops.h"
#include <cmath>

namespace vitya::reference {

numerics::PackedMatrix packed(const Tensor &weight) {
  if (weight.elementType().isF32())
    return numerics::PackedMatrix(weight.matrix());
  return numerics::PackedMatrix(integers(weight, /*isSigned=*/true).cast<float>());
}

Tensor linear(const Tensor &input, const numerics::PackedMatrix &weight, const Tensor *bias) {
  Tensor result({input.dim(0), weight.rows()}, input.elementType());
  DoubleMatrix product = numerics::productWithTransposed(input.matrix(), weight);
  if (bias)
    product.rowwise() += bias->vector().cast<double>().transpose();
  result.mutableMatrix() = product.cast<float>();
  return result;
}

Tensor layerNorm(const Tensor &input, const Tensor &weight, const Tensor &bias, double eps) {
  Tensor result(input.shape(), input.elementType());
  DoubleMatrix centred = input.matrix().cast<double>();
  DoubleVector mean = centred.rowwise().mean();
  centred.colwise() -= mean;
  DoubleVector variance = centred.array().square().rowwise().mean();
  DoubleMatrix normal = (variance.array() + eps).rsqrt().matrix().asDiagonal() * centred;
  normal = normal * weight.vector().cast<double>().asDiagonal();
  normal.rowwise() += bias.vector().cast<double>().transpose();
  result.mutableMatrix() = normal.cast<float>();
  return result;
}

Tensor attention(const Tensor &query, const Tensor &key, const Tensor &value, int64_t heads, double scale) {
  Tensor result({query.dim(0), value.dim(1)}, query.elementType());
  int64_t width = query.dim(1) / heads, valueWidth = value.dim(1) / heads;
  Eigen::Map<Matrix> all = result.mutableMatrix();
  for (int64_t head = 0; head < heads; ++head) {
    DoubleMatrix q = query.matrix().middleCols(head * width, width).cast<double>();
    DoubleMatrix k = key.matrix().middleCols(head * width, width).cast<double>();
    DoubleMatrix v = value.matrix().middleCols(head * valueWidth, valueWidth).cast<double>();
    DoubleMatrix scores = scale * q * k.transpose();
    // Without its maximum, no score overflows; the softmax does not change.
    DoubleVector maximum = scores.rowwise().maxCoeff();
    DoubleMatrix weights = (scores.colwise() - maximum).array().exp();
    DoubleVector sum = weights.rowwise().sum();
    DoubleMatrix mixed = sum.cwiseInverse().asDiagonal() * (weights * v);
    all.middleCols(head * valueWidth, valueWidth) = mixed.cast<float>();
  }
  return result;
}

Tensor meanPool(const Tensor &input) {
  Tensor result({1, input.dim(1)}, input.elementType());
  result.mutableMatrix() = input.matrix().cast<double>().colwise().mean().cast<float>();
  return result;
}

} // namespace vitya::reference
