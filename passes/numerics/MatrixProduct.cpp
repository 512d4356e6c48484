// Tiles of kRows x kColumns stay in registers while packed panels of both factors stream by; a panel of the second
// factor stays in the first cache.
#include "passes/numerics/MatrixProduct.h"
#include <algorithm>
#include <vector>

using namespace Eigen;

namespace vitya::numerics {
namespace {

constexpr int64_t kRows = 6, kColumns = 8, kDepth = 256;
using Lanes = double __attribute__((vector_size(kColumns * sizeof(double))));

/// A matrix of `size` vectors of length `depth`; element k of vector i is data[i * stride + k * depthStride].
struct Vectors {
  const float *data;
  int64_t size, stride, depthStride;
};

/// Copies elements [begin, begin + depth) of all vectors as panels of `width` vectors, element after element; zeros
/// fill the last panel.
std::vector<double> pack(const Vectors &from, int64_t width, int64_t begin, int64_t depth) {
  int64_t panels = (from.size + width - 1) / width;
  std::vector<double> packed(panels * width * depth);
  for (int64_t i = 0; i < from.size; ++i) {
    double *to = packed.data() + i / width * width * depth + i % width;
    const float *source = from.data + i * from.stride + begin * from.depthStride;
    for (int64_t k = 0; k < depth; ++k)
      to[k * width] = source[k * from.depthStride];
  }
  return packed;
}

#if defined(__x86_64__)
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
void addPanels(const double *left, const double *right, int64_t depth, int64_t rows, int64_t columns, double *sum,
               int64_t stride) {
  Lanes tile[kRows] = {};
  for (int64_t k = 0; k < depth; ++k) {
    Lanes lanes;
    __builtin_memcpy(&lanes, right + k * kColumns, sizeof(lanes));
    for (int64_t i = 0; i < kRows; ++i)
      tile[i] += left[k * kRows + i] * lanes;
  }
  if (columns < kColumns) {
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        sum[i * stride + j] += tile[i][j];
    return;
  }
  for (int64_t i = 0; i < rows; ++i) {
    Lanes lanes;
    __builtin_memcpy(&lanes, sum + i * stride, sizeof(lanes));
    lanes += tile[i];
    __builtin_memcpy(sum + i * stride, &lanes, sizeof(lanes));
  }
}

/// sum[i, j] += a_i . b_j for vectors of `length` elements.
void addProducts(const Vectors &a, const Vectors &b, int64_t length, double *sum, int64_t stride) {
  for (int64_t begin = 0; begin < length; begin += kDepth) {
    int64_t depth = std::min(kDepth, length - begin);
    std::vector<double> left = pack(a, kRows, begin, depth), right = pack(b, kColumns, begin, depth);
    for (int64_t j = 0; j < b.size; j += kColumns)
      for (int64_t i = 0; i < a.size; i += kRows)
        addPanels(left.data() + i * depth, right.data() + j * depth, depth, std::min(kRows, a.size - i),
                  std::min(kColumns, b.size - j), sum + i * stride + j, stride);
  }
}

} // namespace

DoubleMatrix productWithTransposed(const FloatMatrix &a, const FloatMatrix &b) {
  DoubleMatrix result = DoubleMatrix::Zero(a.rows(), b.rows());
  addProducts({a.data(), a.rows(), a.outerStride(), 1}, {b.data(), b.rows(), b.outerStride(), 1}, a.cols(),
              result.data(), result.outerStride());
  return result;
}

void addTransposedProduct(const FloatMatrix &a, const FloatMatrix &b, Ref<DoubleMatrix> sum) {
  addProducts({a.data(), a.cols(), 1, a.outerStride()}, {b.data(), b.cols(), 1, b.outerStride()}, a.rows(), sum.data(),
              sum.outerStride());
}

} // namespace vitya::numerics
