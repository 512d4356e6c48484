#include "frontend/layout/InitialValues.h"
#include "passes/numerics/Factorization.h"
#include "llvm/Support/xxhash.h"
#include <cmath>

using namespace Eigen;

namespace vitya {

NormalNumbers::NormalNumbers(uint64_t seed, llvm::StringRef name) : engine(seed ^ llvm::xxh3_64bits(name)) {}

/// A number in (0, 1], with the 53 bits of a double.
double NormalNumbers::uniform() { return static_cast<double>((engine() >> 11) + 1) * 0x1p-53; }

double NormalNumbers::next() {
  double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(2 * M_PI * uniform());
}

std::vector<float> NormalNumbers::truncated(int64_t count, double deviation) {
  constexpr double kLimit = 2;
  constexpr double kRemaining = 0.87962566103423978; // of the standard deviation, after the truncation
  std::vector<float> values(count);
  for (float &value : values) {
    double number = next();
    while (std::abs(number) > kLimit)
      number = next();
    value = number * deviation / kRemaining;
  }
  return values;
}

using RowMajor = Matrix<float, Dynamic, Dynamic, Eigen::RowMajor>;

/// alpha Z + beta I
static MatrixXd nearIdentity(int64_t width, double alpha, double beta, NormalNumbers &numbers) {
  double deviation = alpha / std::sqrt(static_cast<double>(width));
  MatrixXd result = MatrixXd::NullaryExpr(width, width, [&](Index, Index) { return deviation * numbers.next(); });
  result.diagonal().array() += beta;
  return result;
}

AttentionWeights nearIdentityAttention(int64_t width, int64_t heads, bool isResidual, NormalNumbers &numbers) {
  constexpr double kQueryKey = 0.7, kValueOut = 0.4;
  AttentionWeights weights;
  for (std::vector<float> *each : {&weights.query, &weights.key, &weights.value, &weights.out})
    each->resize(width * width);
  auto view = [&](std::vector<float> &values) { return Map<RowMajor>(values.data(), width, width); };
  int64_t headWidth = width / heads;
  for (int64_t head = 0; head < heads; ++head) {
    auto factors =
        numerics::Factorization::plain(nearIdentity(width, kQueryKey, kQueryKey, numbers)).truncate(headWidth);
    view(weights.query).middleRows(head * headWidth, headWidth) = factors.left.transpose().cast<float>();
    view(weights.key).middleRows(head * headWidth, headWidth) = factors.right.cast<float>();
  }
  MatrixXd product = nearIdentity(width, kValueOut, isResidual ? -kValueOut : kValueOut, numbers);
  auto factors = numerics::Factorization::plain(product).truncate(width);
  view(weights.out) = factors.left.cast<float>();
  view(weights.value) = factors.right.cast<float>();
  return weights;
}

} // namespace vitya
