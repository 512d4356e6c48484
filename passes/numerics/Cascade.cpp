// Among the images on which the models disagree, those of the smallest margins are deferred.
#include "passes/numerics/Cascade.h"
#include "passes/numerics/ConfidenceIntervals.h"
#include "passes/numerics/Predictions.h"
#include "runtime/Margin.h"
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace vitya::numerics {

CascadeSample::CascadeSample(const std::vector<float> &first, const std::vector<float> &dense, int64_t classes) {
  for (size_t i = 0; i < dense.size(); i += classes) {
    Eigen::Map<const Eigen::ArrayXf> before(&dense[i], classes), after(&first[i], classes);
    margins.push_back(marginOf(&first[i], classes));
    agrees.push_back(bestClass(before) == bestClass(after));
  }
}

CascadeOutcome CascadeSample::outcome(float margin) const {
  CascadeOutcome result;
  result.images = static_cast<int64_t>(margins.size());
  for (size_t i = 0; i < margins.size(); ++i) {
    if (isDeferred(margins[i], margin))
      ++result.deferred;
    else if (!agrees[i])
      ++result.disagreements;
  }
  return result;
}

std::optional<float> CascadeSample::smallestMargin(double agreement) const {
  auto images = static_cast<int64_t>(margins.size());
  auto isAllowed = [&](int64_t disagreements) { return upperBoundOfShare(disagreements, images) <= 1 - agreement; };
  if (!isAllowed(0))
    return std::nullopt;
  // The margins of the disagreements, largest first. Those that are unknown are deferred by every threshold.
  std::vector<float> mistakes;
  for (size_t i = 0; i < margins.size(); ++i)
    if (!agrees[i] && !std::isnan(margins[i]))
      mistakes.push_back(margins[i]);
  std::sort(mistakes.begin(), mistakes.end(), std::greater<>());
  size_t kept = 0;
  while (kept < mistakes.size() && isAllowed(static_cast<int64_t>(kept) + 1))
    ++kept;
  return kept == mistakes.size() ? 0 : std::nextafter(mistakes[kept], std::numeric_limits<float>::infinity());
}

} // namespace vitya::numerics
