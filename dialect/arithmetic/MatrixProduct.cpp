// A tile of kRows x kColumns sums stays in registers while packed panels of both factors are read; a panel of the
// second factor stays in the first-level cache.
#include "dialect/arithmetic/MatrixProduct.h"
#include "dialect/arithmetic/ForEachProcessor.h"
#include <algorithm>
#include <cmath>

using namespace Eigen;

namespace vitya::numerics {
namespace {

constexpr int64_t kRows = 6, kColumns = 8, kDepth = 256;
using Lanes = double __attribute__((vector_size(kColumns * sizeof(double))));
using FloatLanes = float __attribute__((vector_size(kColumns * sizeof(float))));

/// `size` vectors, the rows or columns of a matrix. Element k of vector i is data[i * stride + k * depthStride].
struct Vectors {
  const float *data;
  int64_t size, stride, depthStride;
};

Vectors rowsOf(const FloatMatrix &matrix) { return {matrix.data(), matrix.rows(), matrix.outerStride(), 1}; }
Vectors columnsOf(const FloatMatrix &matrix) { return {matrix.data(), matrix.cols(), 1, matrix.outerStride()}; }

/// `size` rounded up to a multiple of `width`: the number of vectors in panels of `width`, padding included.
constexpr int64_t padded(int64_t size, int64_t width) { return (size + width - 1) / width * width; }

/// Copies elements [begin, begin + depth) of all vectors to `packed` in panels of `width` vectors; within a panel, the
/// vectors' elements of one index are contiguous. The padding of the last panel is not written.
template <typename T>
void pack(const Vectors &from, int64_t width, int64_t begin, int64_t depth, T *packed) {
  for (int64_t i = 0; i < from.size; ++i) {
    T *to = packed + i / width * width * depth + i % width;
    const float *source = from.data + i * from.stride + begin * from.depthStride;
    for (int64_t k = 0; k < depth; ++k)
      to[k * width] = source[k * from.depthStride];
  }
}

/// Adds the products of a panel of kRows and a panel of kColumns vectors to the top left `rows` x `columns` of `sum`.
VITYA_FOR_EACH_PROCESSOR
void addPanels(const double *left, const float *right, int64_t depth, int64_t rows, int64_t columns, double *sum,
               int64_t stride) {
  Lanes tile[kRows] = {};
  for (int64_t k = 0; k < depth; ++k) {
    FloatLanes floats;
    __builtin_memcpy(&floats, right + k * kColumns, sizeof(floats));
    auto lanes = __builtin_convertvector(floats, Lanes);
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

/// The same in single precision. Each sum is continued as a chain of fused multiply-adds.
VITYA_FOR_EACH_PROCESSOR
void addPanels(const float *left, const float *right, int64_t depth, int64_t rows, int64_t columns, float *sum,
               int64_t stride) {
  float tile[kRows][kColumns] = {};
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      tile[i][j] = sum[i * stride + j];
  for (int64_t k = 0; k < depth; ++k)
    for (int64_t i = 0; i < kRows; ++i)
      for (int64_t j = 0; j < kColumns; ++j)
        tile[i][j] = std::fma(left[k * kRows + i], right[k * kColumns + j], tile[i][j]);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      sum[i * stride + j] = tile[i][j];
}

/// sum[i, j] += a_i . b_j for vectors of `length` elements and `columns` vectors b. `right(begin, depth)` returns the
/// panels of elements [begin, begin + depth) of b. With `isLower`, tiles entirely above the diagonal are not computed.
template <typename Sum, typename Panels>
void addProducts(const Vectors &a, int64_t columns, int64_t length, Panels right, bool isLower,
                 Ref<RowMajorOf<Sum>> sum) {
  for (int64_t begin = 0; begin < length; begin += kDepth) {
    int64_t depth = std::min(kDepth, length - begin);
    std::vector<Sum> left(padded(a.size, kRows) * depth);
    pack(a, kRows, begin, depth, left.data());
    const float *panels = right(begin, depth);
    for (int64_t j = 0; j < columns; j += kColumns)
      for (int64_t i = isLower ? j / kRows * kRows : 0; i < a.size; i += kRows)
        addPanels(left.data() + i * depth, panels + j * depth, depth, std::min(kRows, a.size - i),
                  std::min(kColumns, columns - j), &sum(i, j), sum.outerStride());
  }
}

/// Adds the products of the columns of `a` and `b`.
void addColumns(const FloatMatrix &a, const FloatMatrix &b, bool isLower, Ref<DoubleMatrix> sum) {
  std::vector<float> panels(padded(b.cols(), kColumns) * std::min<int64_t>(kDepth, b.rows()));
  auto packColumns = [&](int64_t begin, int64_t depth) {
    pack(columnsOf(b), kColumns, begin, depth, panels.data());
    return panels.data();
  };
  addProducts<double>(columnsOf(a), b.cols(), a.rows(), packColumns, isLower, sum);
}

template <typename Sum>
RowMajorOf<Sum> product(const FloatMatrix &a, const PackedMatrix &b) {
  RowMajorOf<Sum> result = RowMajorOf<Sum>::Zero(a.rows(), b.rows());
  auto block = [&](int64_t begin, int64_t) { return b.block(begin); };
  addProducts<Sum>(rowsOf(a), b.rows(), a.cols(), block, /*isLower=*/false, result);
  return result;
}

} // namespace

PackedMatrix::PackedMatrix(const FloatMatrix &matrix)
    : size(matrix.rows()), length(matrix.cols()), data(padded(size, kColumns) * length) {
  for (int64_t begin = 0; begin < length; begin += kDepth)
    pack(rowsOf(matrix), kColumns, begin, std::min(kDepth, length - begin),
         data.data() + begin * padded(size, kColumns));
}

const float *PackedMatrix::block(int64_t begin) const { return data.data() + begin * padded(size, kColumns); }

DoubleMatrix productWithTransposed(const FloatMatrix &a, const PackedMatrix &b) { return product<double>(a, b); }

RowMajorOf<float> fusedProductWithTransposed(const FloatMatrix &a, const PackedMatrix &b) {
  return product<float>(a, b);
}

void addTransposedProduct(const FloatMatrix &a, const FloatMatrix &b, Ref<DoubleMatrix> sum) {
  addColumns(a, b, /*isLower=*/false, sum);
}

void addGram(const FloatMatrix &a, Ref<DoubleMatrix> sum) {
  addColumns(a, a, /*isLower=*/true, sum);
  sum.triangularView<StrictlyUpper>() = sum.transpose();
}

} // namespace vitya::numerics
