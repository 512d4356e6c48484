// The gradients of learned scales are those of arXiv 1902.08153.
#include "dialect/torch/Ops.h"
#include "dialect/torch/TorchTensor.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace vitya::autograd;

namespace {

/// What the paper says about one value, with the scale `scale`.
struct Expected {
  double value;   ///< rounded
  double ofValue; ///< the derivative of `value` with respect to the unrounded value
  double ofScale; ///< the derivative with respect to the scale, without the factor of the gradient
};

Expected expectedOf(double value, double scale, int64_t zero, Levels levels) {
  double low = double(levels.min - zero), high = double(levels.max - zero), level = value / scale;
  if (level <= low || level >= high) {
    double end = level <= low ? low : high;
    return {end * scale, 0, end};
  }
  return {std::nearbyint(level) * scale, 1, std::nearbyint(level) - level};
}

/// Compares values and gradients for values [rows, columns] with one of `scales` for each row, or one for all.
void expectGradients(const std::vector<float> &values, int64_t rows, const std::vector<double> &scales, int64_t zero,
                     Levels levels) {
  int64_t columns = int64_t(values.size()) / rows, count = int64_t(values.size() / scales.size());
  at::Tensor input = at::tensor(values).view({rows, columns}).requires_grad_();
  at::Tensor logarithms = at::log(at::tensor(scales)).to(at::kFloat).requires_grad_();
  Tensor output = fakeQuantize(wrap(input), learnedScales(wrap(logarithms), count, levels), zero, levels);
  // The loss weighs each value differently.
  at::Tensor weights = at::arange(1, double(values.size()) + 1, at::kFloat).view({rows, columns});
  (unwrap(output) * weights).sum().backward();

  std::vector<float> found = elementsOf(output), ofInput = elementsOf(wrap(input.grad())),
                     ofLogarithms = elementsOf(wrap(logarithms.grad()));
  std::vector<double> sums(scales.size());
  for (size_t i = 0; i < values.size(); ++i) {
    size_t index = scales.size() == 1 ? 0 : i / columns;
    Expected expected = expectedOf(values[i], scales[index], zero, levels);
    double weight = double(i + 1);
    EXPECT_NEAR(found[i], expected.value, 1e-5);
    EXPECT_NEAR(ofInput[i], expected.ofValue * weight, 1e-5);
    sums[index] += expected.ofScale * weight;
  }
  for (size_t index = 0; index < scales.size(); ++index) {
    // The logarithm of a scale changes it by the scale itself.
    double gradient = scales[index] * sums[index] / std::sqrt(double(count * levels.max));
    EXPECT_NEAR(ofLogarithms[index], gradient, 1e-5 * std::max(1.0, std::abs(gradient)));
  }
}

TEST(LearnedScales, OfWeights) {
  expectGradients({-9, -0.6f, 0.2f, 0.3f, 1.9f, 100, 0.01f, -0.04f}, 2, {0.5, 0.01}, 0, {-7, 7});
  expectGradients({-9, -0.6f, 0.2f, 0.3f, 1.9f, 100, 0.01f, -0.04f}, 2, {0.25}, 0, {-127, 127});
}

TEST(LearnedScales, OfActivations) {
  expectGradients({-9, -0.6f, 0.2f, 0.3f, 1.9f, 100}, 3, {0.1}, 3, {0, 255});
  expectGradients({-9, -0.6f, 0.2f, 0.3f, 1.9f, 100}, 1, {0.03}, 100, {0, 127});
}

TEST(LearnedScales, AreNormal) {
  std::vector<double> scales = scalesOf({-1000, 0, 1000});
  EXPECT_GT(float(scales[0]), std::numeric_limits<float>::min());
  EXPECT_EQ(scales[1], 1);
  EXPECT_GT(1 / float(scales[2]), std::numeric_limits<float>::min());
}

} // namespace
