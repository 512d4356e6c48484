// Columns are rounded in blocks. One fast matrix product adds the errors of a block to the sums of all later columns.
#include "passes/numerics/Gptq.h"
#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace Eigen;

namespace vitya::numerics {

/// The columns of a block.
static constexpr Index kBlock = 64;

Gptq::Gptq(const MatrixXd &second, GptqSettings settings) : order(second.rows()) {
  std::iota(order.begin(), order.end(), Index(0));
  if (settings.order == ColumnOrder::descending)
    std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return second(a, a) > second(b, b); });
  // The Cholesky factor of the reversed matrix is lower triangular. Reversed again, it is upper triangular.
  Index width = second.rows();
  MatrixXd reversed = MatrixXd::NullaryExpr(
      width, width, [&](Index i, Index j) { return second(order[width - 1 - i], order[width - 1 - j]); });
  double damping = settings.damping * second.trace() / double(width);
  reversed.diagonal().array() += damping > 0 ? damping : 1;
  factor = LLT<MatrixXd>(std::move(reversed)).matrixL().toDenseMatrix().reverse();
  singleFactor = factor.cast<float>();
}

Gptq::Rounded Gptq::roundWith(const MatrixXd &weight, const std::vector<float> &scales, Levels levels) const {
  Index rows = weight.rows(), width = weight.cols();
  Index rowsOfScale = rows / Index(scales.size());
  Rounded result{{RowMajorOf<int8_t>(rows, width), scales}, VectorXd::Zero(Index(scales.size()))};
  DoubleMatrix sums = DoubleMatrix::Zero(rows, width); // of e_i R_ik over the rounded columns i
  RowMajorOf<float> errors(kBlock, rows);
  for (Index begin = 0; begin < width; begin += kBlock) {
    Index end = std::min(begin + kBlock, width);
    for (Index row = 0; row < rows; ++row) {
      Index index = row / rowsOfScale;
      double scale = scales[size_t(index)];
      for (Index k = begin; k < end; ++k) {
        double exact = weight(row, order[k]);
        double level = std::nearbyint((exact + sums(row, k) / factor(k, k)) / scale);
        level = std::clamp<double>(level, levels.min, levels.max);
        double error = exact - level * scale;
        result.weight.values(row, order[k]) = int8_t(level);
        errors(k - begin, row) = float(error);
        sums.row(row).segment(k, end - k) += error * factor.row(k).segment(k, end - k);
        result.errors[index] += sums(row, k) * sums(row, k);
      }
    }
    if (end < width)
      addTransposedProduct(errors.topRows(end - begin), singleFactor.block(begin, end, end - begin, width - end),
                           sums.rightCols(width - end));
  }
  return result;
}

QuantizedWeight Gptq::round(const MatrixXd &weight, const std::vector<float> &scales, Levels levels) const {
  return roundWith(weight, scales, levels).weight;
}

QuantizedWeight Gptq::roundAndScale(const MatrixXd &weight, const std::vector<float> &scales, Levels levels) const {
  Index count = Index(scales.size()), rowsOfScale = weight.rows() / count;
  Rounded best{{}, VectorXd::Constant(count, std::numeric_limits<double>::infinity())};
  best.weight = {RowMajorOf<int8_t>(weight.rows(), weight.cols()), scales};
  for (double multiple : kScaleFactors) {
    std::vector<float> tried = scales;
    for (float &scale : tried)
      scale = std::max(float(scale * multiple), kLeastScale);
    Rounded rounded = roundWith(weight, tried, levels);
    for (Index i = 0; i < count; ++i) {
      if (!(rounded.errors[i] < best.errors[i]))
        continue;
      best.errors[i] = rounded.errors[i];
      best.weight.scales[size_t(i)] = tried[size_t(i)];
      best.weight.values.middleRows(i * rowsOfScale, rowsOfScale) =
          rounded.weight.values.middleRows(i * rowsOfScale, rowsOfScale);
    }
  }
  return std::move(best.weight);
}

MatrixXd Gptq::solve(const MatrixXd &matrix) const {
  MatrixXd columns(matrix.cols(), matrix.rows());
  for (Index k = 0; k < matrix.cols(); ++k)
    columns.row(k) = matrix.col(order[k]).transpose();
  factor.triangularView<Upper>().solveInPlace(columns);
  factor.transpose().triangularView<Lower>().solveInPlace(columns);
  MatrixXd result(matrix.rows(), matrix.cols());
  for (Index k = 0; k < matrix.cols(); ++k)
    result.col(order[k]) = columns.row(k).transpose();
  return result;
}

bool isSingular(const MatrixXd &second) { return LLT<MatrixXd>(second).info() != Success; }

double outputError(const MatrixXd &weight, const QuantizedWeight &rounded, const MatrixXd &second) {
  MatrixXd error = weight - rounded.dequantize().cast<double>();
  return (error * second).cwiseProduct(error).sum();
}

} // namespace vitya::numerics
