// Comparison of two sets of class scores.
#ifndef VITYA_PASSES_NUMERICS_PREDICTIONS_H
#define VITYA_PASSES_NUMERICS_PREDICTIONS_H

#include <Eigen/Core>

namespace vitya::numerics {

/// The scores of all classes.
using Logits = Eigen::Ref<const Eigen::ArrayXf>;

/// The Kullback-Leibler divergence KL(softmax(before) || softmax(after)) in nats; not negative except for rounding.
double divergence(const Logits &before, const Logits &after);

/// The class with the highest score; the first one if several have it.
int64_t bestClass(const Logits &logits);

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_PREDICTIONS_H
