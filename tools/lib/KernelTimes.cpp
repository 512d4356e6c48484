// Attributes the time of layers to matrices.
#include "tools/lib/KernelTimes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

using llvm::ArrayRef;
using llvm::StringRef;

namespace vitya {
namespace {

/// The number of formats of one matrix that are measured: dense and two ranks.
constexpr size_t kMeasured = 3;

/// What determines the kernels of a matrix apart from its format.
std::string shapeOf(const MatrixLosses &matrix) {
  return llvm::formatv("{0} {1} {2} {3} {4} {5}", int(matrix.kind), matrix.in, matrix.out, matrix.tokens, matrix.heads,
                       matrix.width);
}

std::string keyOf(const MatrixLosses &matrix, unsigned bits) { return shapeOf(matrix) + " " + std::to_string(bits); }

/// Whether the layer of this name holds `weight`, as a whole, as one of its factors or as one of its parts.
bool holds(StringRef layer, StringRef weight) {
  return layer.consume_front(weight) && (layer.empty() || layer.front() == '.');
}

/// The time of the layers of `matrix`. The two products of an attention share the time of the attention itself.
double timeOf(const MatrixLosses &matrix, const ImageTime &time) {
  double sum = 0;
  for (const auto &layer : time.layers)
    if (llvm::any_of(matrix.weights, [&](StringRef weight) { return holds(layer.getKey(), weight); }))
      sum += layer.second;
  if (matrix.kind != MatrixKind::layer)
    sum += 0.5 * time.layers.lookup(matrix.name);
  return sum;
}

} // namespace

std::vector<std::vector<MatrixFormat>> KernelTimes::formatsToMeasure(ArrayRef<MatrixLosses> matrices, unsigned bits) {
  std::map<std::string, size_t> ofShape;
  for (const MatrixLosses &matrix : matrices)
    if (!matrix.ranks.empty())
      ++ofShape[shapeOf(matrix)];
  size_t models = 1;
  for (const auto &[shape, count] : ofShape)
    models = std::max(models, kMeasured + 1 - std::min(count, kMeasured));
  std::vector<std::vector<MatrixFormat>> result(models);
  for (size_t model = 0; model < models; ++model) {
    std::map<std::string, size_t> seen;
    for (const MatrixLosses &matrix : matrices) {
      MatrixFormat format{0, bits};
      if (!matrix.ranks.empty())
        if (size_t index = (seen[shapeOf(matrix)]++ + model) % kMeasured; index > 0)
          format.rank = matrix.ranks[(matrix.ranks.size() - 1) / (index == 1 ? 2 : 6)];
      result[model].push_back(format);
    }
  }
  return result;
}

void KernelTimes::add(ArrayRef<MatrixLosses> matrices, ArrayRef<MatrixFormat> formats, const ImageTime &time) {
  double sum = 0;
  for (auto [matrix, format] : llvm::zip_equal(matrices, formats)) {
    Mean &mean = times[keyOf(matrix, format.bits)][format.rank];
    double taken = timeOf(matrix, time);
    mean.sum += taken;
    ++mean.count;
    sum += taken;
  }
  leastRest = std::min(leastRest, std::max(0.0, time.total - sum));
}

double KernelTimes::milliseconds(const MatrixLosses &matrix, MatrixFormat format) const {
  const ByRank &measured = times.at(keyOf(matrix, format.bits));
  auto mean = [](const Mean &each) { return each.sum / double(each.count); };
  if (auto found = measured.find(format.rank); found != measured.end())
    return mean(found->second);
  // The line through the two measured ranks. Heads that keep their width are one more point of it.
  std::vector<std::pair<double, double>> points;
  for (const auto &[rank, each] : measured)
    if (rank)
      points.emplace_back(double(rank), mean(each));
  if (auto dense = measured.find(0); dense != measured.end() && matrix.kind != MatrixKind::layer)
    points.emplace_back(double(matrix.width), mean(dense->second));
  if (points.size() < 2)
    return points.empty() ? mean(measured.begin()->second) : points.front().second;
  auto rank = double(format.rank);
  size_t next = 1;
  while (next + 1 < points.size() && points[next].first < rank)
    ++next;
  auto [r0, t0] = points[next - 1];
  auto [r1, t1] = points[next];
  // Noise may make the smaller rank slower; extrapolation does not go below a part of what was measured.
  return std::max(t0 + (t1 - t0) * (rank - r0) / (r1 - r0), 0.25 * std::min(t0, t1));
}

} // namespace vitya
