// linear, layer_norm, rms_norm, rotary_embedding, attention and mean_pool: the ops that mix columns or rows.
#include "dialect/arithmetic/ArrayFunctions.h"
#include "dialect/arithmetic/FloatArithmetic.h"
#include "dialect/reference/Ops.h"

namespace vitya::reference {

/// The elements of `factors` [rows, I], bf16, with those of columns 2j and 2j + 1 in exchanged places.
static Matrix exchangePairs(const Tensor &factors) {
  Matrix result = Eigen::Map<const numerics::RowMajorOf<Eigen::bfloat16>>(factors.values<Eigen::bfloat16>().data(),
                                                                          factors.dim(0), factors.dim(1))
                      .cast<float>();
  for (Eigen::Index column = 0; column + 1 < result.cols(); column += 2)
    result.col(column).swap(result.col(column + 1));
  return result;
}

numerics::PackedMatrix packed(const Tensor &weight) {
  if (weight.elementType().isF32())
    return numerics::PackedMatrix(weight.matrix());
  if (weight.elementType().isBF16())
    return numerics::PackedMatrix(exchangePairs(weight));
  return numerics::PackedMatrix(integers(weight, /*isSigned=*/true).cast<float>());
}

/// `input` times the transpose of `weight`, plus `bias` unless it is null.
static Tensor multiply(const numerics::FloatMatrix &input, const numerics::PackedMatrix &weight, const Tensor *bias,
                       mlir::Type type) {
  Tensor result({input.rows(), weight.rows()}, type);
  Eigen::Map<Matrix> out = result.mutableMatrix();
  out = numerics::fusedProductWithTransposed(input, weight);
  if (bias)
    out.rowwise() += bias->vector().transpose();
  return result;
}

Tensor linear(const Tensor &input, const numerics::PackedMatrix &weight, const Tensor *bias) {
  return multiply(input.matrix(), weight, bias, input.elementType());
}

Tensor bf16Linear(const Tensor &input, const numerics::PackedMatrix &weight, const Tensor *bias, mlir::Type type) {
  return multiply(exchangePairs(input), weight, bias, type);
}

Tensor layerNorm(const Tensor &input, const Tensor &weight, const Tensor &bias, double eps) {
  Tensor result(input.shape(), input.elementType());
  numerics::FloatArithmetic a;
  int64_t width = input.dim(1);
  Eigen::ArrayXf centred(width);
  for (int64_t row = 0; row < input.dim(0); ++row) {
    llvm::ArrayRef<float> x = input.values().slice(row * width, width);
    llvm::MutableArrayRef<float> out = result.mutableValues().slice(row * width, width);
    float mean = numerics::sumOfRow({x.data(), width}) / static_cast<float>(width);
    for (int64_t i = 0; i < width; ++i)
      centred[i] = x[i] - mean;
    float sumOfSquares = numerics::sumOfSquares({centred.data(), width});
    float factor = numerics::normFactor(a, sumOfSquares, static_cast<float>(width), static_cast<float>(eps));
    for (int64_t i = 0; i < width; ++i)
      out[i] = numerics::layerNormElement(a, x[i], mean, factor, weight.values()[i], bias.values()[i]);
  }
  return result;
}

Tensor rmsNorm(const Tensor &input, const Tensor &weight, double eps) {
  Tensor result(input.shape(), input.elementType());
  numerics::FloatArithmetic a;
  int64_t width = input.dim(1);
  for (int64_t row = 0; row < input.dim(0); ++row) {
    llvm::ArrayRef<float> x = input.values().slice(row * width, width);
    llvm::MutableArrayRef<float> out = result.mutableValues().slice(row * width, width);
    float sumOfSquares = numerics::sumOfSquares({x.data(), width});
    float factor = numerics::normFactor(a, sumOfSquares, static_cast<float>(width), static_cast<float>(eps));
    for (int64_t i = 0; i < width; ++i)
      out[i] = x[i] * factor * weight.values()[i];
  }
  return result;
}

Tensor rotaryEmbedding(const Tensor &input, const Tensor &cos, const Tensor &sin, int64_t heads, bool interleaved) {
  Tensor result(input.shape(), input.elementType());
  Eigen::Map<const Matrix> x = input.matrix(), cosines = cos.matrix(), sines = sin.matrix();
  Eigen::Map<Matrix> out = result.mutableMatrix();
  int64_t pairs = input.dim(1) / (2 * heads), step = interleaved ? 2 : 1, distance = interleaved ? 1 : pairs;
  for (int64_t row = 0; row < input.dim(0); ++row)
    for (int64_t pair = 0; pair < heads * pairs; ++pair) {
      int64_t a = pair / pairs * 2 * pairs + pair % pairs * step, b = a + distance, angle = pair % cos.dim(1);
      float first = x(row, a) * cosines(row, angle), second = x(row, b) * sines(row, angle);
      out(row, a) = first - second;
      first = x(row, b) * cosines(row, angle), second = x(row, a) * sines(row, angle);
      out(row, b) = first + second;
    }
  return result;
}

Tensor attention(const Tensor &query, const Tensor &key, const Tensor &value, int64_t heads, double scale,
                 const Tensor *bias) {
  Tensor result({query.dim(0), value.dim(1)}, query.elementType());
  int64_t width = query.dim(1) / heads, valueWidth = value.dim(1) / heads, keys = key.dim(0);
  Eigen::Map<Matrix> all = result.mutableMatrix();
  for (int64_t head = 0; head < heads; ++head) {
    Matrix scaled = query.matrix().middleCols(head * width, width) * static_cast<float>(scale);
    Matrix values = value.matrix().middleCols(head * valueWidth, valueWidth).transpose();
    numerics::PackedMatrix keysOfHead(key.matrix().middleCols(head * width, width));
    Matrix weights = numerics::fusedProductWithTransposed(scaled, keysOfHead);
    if (bias)
      weights += bias->matrix().middleCols(head * (bias->dim(1) / heads), keys);
    // Subtracting the maximum of a row keeps its exponentials finite and does not change the softmax.
    weights.colwise() -= weights.rowwise().maxCoeff().eval();
    numerics::exponentials({weights.data(), weights.size()});
    Matrix mixed = numerics::fusedProductWithTransposed(weights, numerics::PackedMatrix(values));
    for (int64_t row = 0; row < mixed.rows(); ++row)
      all.row(row).segment(head * valueWidth, valueWidth) =
          mixed.row(row) / numerics::sumOfPaddedRow({weights.row(row).data(), keys});
  }
  return result;
}

Tensor meanPool(const Tensor &input) {
  Tensor result({1, input.dim(1)}, input.elementType());
  Eigen::Map<Matrix> mean = result.mutableMatrix();
  for (int64_t row = 0; row < input.dim(0); ++row)
    mean += input.matrix().row(row);
  mean /= static_cast<float>(input.dim(0));
  return result;
}

} // namespace vitya::reference
