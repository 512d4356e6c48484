// Quantized ops: exact integer sums, scaled by f32 arithmetic in the order of the ops' formulas, which compiled code
// follows to the bit.
#include "dialect/arithmetic/ArrayFunctions.h"
#include "dialect/arithmetic/FloatArithmetic.h"
#include "dialect/arithmetic/Lanes.h"
#include "dialect/reference/Ops.h"
#include <tuple>

namespace vitya::reference {

IntMatrix integers(const Tensor &stored, bool isSigned) {
  if (stored.elementBytes() == 2)
    return Eigen::Map<const numerics::RowMajorOf<int16_t>>(stored.values<int16_t>().data(), stored.dim(0),
                                                           stored.dim(1))
        .cast<int32_t>();
  Eigen::Map<const numerics::RowMajorOf<int8_t>> map(stored.values<int8_t>().data(), stored.dim(0), stored.dim(1));
  if (isSigned)
    return map.cast<int32_t>();
  return map.cast<int32_t>().unaryExpr([](int32_t value) { return value & 255; });
}

Tensor chooseQParams(const Tensor &input, Granularity granularity, int32_t levels) {
  numerics::FloatArithmetic a;
  bool perToken = granularity == Granularity::token;
  Tensor result({perToken ? input.dim(0) : 1, 2}, input.elementType());
  Eigen::Map<Matrix> params = result.mutableMatrix();
  for (int64_t row = 0; row < result.dim(0); ++row) {
    float low = 0, high = 0, check = 0;
    for (float x : perToken ? input.values().slice(row * input.dim(1), input.dim(1)) : input.values()) {
      low = a.min(x, low); // ignores NaN
      high = a.max(x, high);
      check = numerics::addIfNotFinite(a, x, check);
    }
    std::tie(params(row, 0), params(row, 1)) = numerics::chooseQParams(a, low, high, check, static_cast<float>(levels));
  }
  return result;
}

Tensor quantize(const Tensor &input, const Tensor &params, numerics::Levels levels, mlir::Type storage) {
  numerics::FloatArithmetic a;
  Tensor result(input.shape(), storage);
  for (int64_t row = 0, at = 0; row < input.dim(0); ++row) {
    Eigen::Map<const Matrix> all = params.matrix();
    float inverse = 1.0f / all(params.dim(0) == 1 ? 0 : row, 0), zero = all(params.dim(0) == 1 ? 0 : row, 1);
    for (int64_t column = 0; column < input.dim(1); ++column, ++at) {
      int32_t integer = numerics::quantize(a, input.values()[at], inverse, zero, levels);
      if (result.elementBytes() == 2)
        result.mutableValues<int16_t>()[at] = static_cast<int16_t>(integer);
      else
        result.mutableValues<int8_t>()[at] = static_cast<int8_t>(integer);
    }
  }
  return result;
}

Tensor dequantize(const Tensor &input, bool isSigned, llvm::ArrayRef<float> scales, int32_t zero, mlir::Type type) {
  Tensor result(input.shape(), type);
  Matrix values = (integers(input, isSigned).array() - zero).matrix().cast<float>();
  for (int64_t row = 0; row < values.rows(); ++row)
    values.row(row) *= scales[scales.size() == 1 ? 0 : row];
  result.mutableMatrix() = values;
  return result;
}

Tensor orderColumns(const Tensor &input, const Tensor &order) {
  Tensor result(input.shape(), input.elementType());
  int64_t columns = input.dim(1);
  for (int64_t i = 0; i < input.size(); ++i) {
    int64_t column = i % columns;
    result.mutableBytes()[i] =
        input.bytes()[i - column + column / kLanes * kLanes + (order.bytes()[column] & (kLanes - 1))];
  }
  return result;
}

llvm::SmallVector<int32_t> rowSums(const Tensor &weight) {
  Eigen::VectorXi sums = integers(weight, /*isSigned=*/true).rowwise().sum();
  return llvm::SmallVector<int32_t>(sums.begin(), sums.end());
}

Tensor integerLinear(const Tensor &input, const numerics::PackedMatrix &weight, llvm::ArrayRef<int32_t> offset,
                     llvm::ArrayRef<float> multiplier, const Tensor *bias, const Tensor *params, mlir::Type type) {
  // Double precision represents these integers and their sums exactly.
  Matrix inputs = integers(input, /*isSigned=*/false).cast<float>();
  IntMatrix sums = numerics::productWithTransposed(inputs, weight).cast<int32_t>();
  Tensor result({input.dim(0), weight.rows()}, type);
  Eigen::Map<Matrix> out = result.mutableMatrix();
  for (int64_t n = 0; n < sums.rows(); ++n) {
    int64_t row = params && params->dim(0) != 1 ? n : 0;
    int32_t zero = params ? static_cast<int32_t>(params->matrix()(row, 1)) : 1;
    for (int64_t o = 0; o < sums.cols(); ++o) {
      // Intermediate results may wrap around; the difference fits in 32 bits.
      auto sum = static_cast<int32_t>(static_cast<uint32_t>(sums(n, o)) -
                                      static_cast<uint32_t>(zero) * static_cast<uint32_t>(offset[o]));
      float factor = params ? params->matrix()(row, 0) * multiplier[o] : multiplier[o];
      out(n, o) = std::fma(static_cast<float>(sum), factor, bias ? bias->values()[o] : 0.0f);
    }
  }
  return result;
}

Tensor integerAttention(const Tensor &query, const Tensor &key, const Tensor &value, llvm::ArrayRef<float> factors,
                        int64_t heads, mlir::Type type, const Tensor *bias) {
  numerics::FloatArithmetic a;
  Tensor result({query.dim(0), value.dim(1)}, type);
  Eigen::Map<Matrix> out = result.mutableMatrix();
  int64_t width = query.dim(1) / heads, valueWidth = value.dim(1) / heads;
  // Double precision represents the sums exactly.
  Matrix queries = (integers(query, /*isSigned=*/false).array() - static_cast<int32_t>(factors[1])).cast<float>();
  Matrix keys = integers(key, /*isSigned=*/true).cast<float>(),
         values = integers(value, /*isSigned=*/true).cast<float>();
  for (int64_t head = 0; head < heads; ++head) {
    numerics::PackedMatrix keysOfHead(keys.middleCols(head * width, width));
    Matrix scores = numerics::productWithTransposed(queries.middleCols(head * width, width), keysOfHead).cast<float>();
    scores *= factors[0];
    if (bias)
      scores += bias->matrix().middleCols(head * (bias->dim(1) / heads), keys.rows());
    scores.colwise() -= scores.rowwise().maxCoeff().eval();
    numerics::exponentials({scores.data(), scores.size()});
    Matrix weights = scores.unaryExpr([&](float weight) {
      return static_cast<float>(numerics::quantize(a, weight, factors[2], 0.0f, numerics::kUnsignedLevels));
    });
    Matrix valuesOfHead = values.middleCols(head * valueWidth, valueWidth).transpose();
    Matrix mixed = numerics::productWithTransposed(weights, numerics::PackedMatrix(valuesOfHead)).cast<float>();
    for (int64_t row = 0; row < mixed.rows(); ++row)
      out.row(row).segment(head * valueWidth, valueWidth) =
          mixed.row(row) * factors[3] / static_cast<float>(weights.row(row).cast<int32_t>().sum());
  }
  return result;
}

} // namespace vitya::reference
