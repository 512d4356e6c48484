// Comparison of two sets of class scores.
#ifndef VITYA_PASSES_NUMERICS_PREDICTIONS_H
#define VITYA_PASSES_NUMERICS_PREDICTIONS_H

#include <Eigen/Core>
#include <optional>

namespace vitya::numerics {

/// The scores of all classes.
using Logits = Eigen::Ref<const Eigen::ArrayXf>;

/// The Kullback-Leibler divergence KL(softmax(before) || softmax(after)) in nats; not negative except for rounding.
/// Infinite if `after` has NaN or infinities. `before` is finite.
double divergence(const Logits &before, const Logits &after);

/// The class with the highest score; the first one if several have it, and none if a score is NaN or infinite.
std::optional<int64_t> bestClass(const Logits &logits);

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_PREDICTIONS_H
