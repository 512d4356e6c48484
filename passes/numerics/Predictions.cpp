// Computed in double precision on logarithms of probabilities, so that none underflows.
#include "passes/numerics/Predictions.h"
#include <limits>

using namespace Eigen;

namespace vitya::numerics {

/// log softmax.
static ArrayXd logProbabilities(const Logits &logits) {
  ArrayXd x = logits.cast<double>();
  x -= x.maxCoeff();
  return x - std::log(x.exp().sum());
}

double divergence(const Logits &before, const Logits &after) {
  if (!after.allFinite())
    return std::numeric_limits<double>::infinity();
  ArrayXd p = logProbabilities(before), q = logProbabilities(after);
  return (p.exp() * (p - q)).sum();
}

std::optional<int64_t> bestClass(const Logits &logits) {
  if (!logits.allFinite())
    return std::nullopt;
  Index best = 0;
  logits.maxCoeff(&best);
  return best;
}

} // namespace vitya::numerics
