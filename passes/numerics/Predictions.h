// How far two sets of class scores are apart.
#ifndef VITYA_PASSES_NUMERICS_PREDICTIONS_H
#define VITYA_PASSES_NUMERICS_PREDICTIONS_H

#include <Eigen/Core>

namespace vitya::numerics {

/// Scores of all classes.
using Logits = Eigen::Ref<const Eigen::ArrayXf>;

/// The Kullback-Leibler divergence KL(softmax(before) || softmax(after)) in nats, at least 0 but for rounding.
double divergence(const Logits &before, const Logits &after);

/// The first of the classes with the greatest score.
int64_t bestClass(const Logits &logits);

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_PREDICTIONS_H
