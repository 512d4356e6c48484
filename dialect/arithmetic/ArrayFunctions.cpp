// Compiled for several processors. If one has no fused multiply-add, the C library computes it, with the same result.
#include "dialect/arithmetic/ArrayFunctions.h"
#include "dialect/arithmetic/FloatArithmetic.h"
#include "dialect/arithmetic/ForEachProcessor.h"
#include "dialect/arithmetic/Lanes.h"

namespace vitya::numerics {

/// Reduces the `size` elements at `values` in `lanes` lanes. `add` adds an element to the sum of its lane. Inlined,
/// like reduceRow, so that each processor's version of a caller has its own instructions.
template <typename Add>
[[gnu::always_inline]] static inline float reduceLanes(const float *values, int64_t size, int64_t lanes, Add add) {
  float partial[kLanes] = {};
  for (int64_t i = 0; i < size; ++i)
    partial[i % lanes] = add(partial[i % lanes], values[i]);
  for (int64_t half = lanes / 2; half >= 1; half /= 2)
    for (int64_t lane = 0; lane < half; ++lane)
      partial[lane] += partial[lane + half];
  return partial[0] + 0.0f; // turns -0 into 0
}

template <typename Add>
[[gnu::always_inline]] static inline float reduceRow(ConstFloatArray row, Add add) {
  int64_t rest = row.size() % kLanes, whole = row.size() - rest;
  float sum = reduceLanes(row.data(), whole, kLanes, add);
  return rest == 0 ? sum : sum + reduceLanes(row.data() + whole, rest, lanesOf(rest), add);
}

VITYA_FOR_EACH_PROCESSOR
void exponentials(FloatArray values) {
  FloatArithmetic a;
  for (float *value = values.data(), *end = value + values.size(); value != end; ++value)
    *value = exponential(a, *value);
}

VITYA_FOR_EACH_PROCESSOR
void gelusErf(FloatArray values) {
  FloatArithmetic a;
  for (float *value = values.data(), *end = value + values.size(); value != end; ++value)
    *value = geluErf(a, *value);
}

VITYA_FOR_EACH_PROCESSOR
void gelusTanh(FloatArray values) {
  FloatArithmetic a;
  for (float *value = values.data(), *end = value + values.size(); value != end; ++value)
    *value = geluTanh(a, *value);
}

VITYA_FOR_EACH_PROCESSOR
void gelusQuick(FloatArray values) {
  FloatArithmetic a;
  for (float *value = values.data(), *end = value + values.size(); value != end; ++value)
    *value = geluQuick(a, *value);
}

VITYA_FOR_EACH_PROCESSOR
void sigmoidLinears(FloatArray values) {
  FloatArithmetic a;
  for (float *value = values.data(), *end = value + values.size(); value != end; ++value)
    *value = sigmoidLinear(a, *value);
}

VITYA_FOR_EACH_PROCESSOR
void rectify(FloatArray values) {
  FloatArithmetic a;
  for (float *value = values.data(), *end = value + values.size(); value != end; ++value)
    *value = rectified(a, *value);
}

VITYA_FOR_EACH_PROCESSOR
float sumOfSquares(ConstFloatArray row) {
  return reduceRow(row, [](float sum, float value) { return std::fma(value, value, sum); });
}

static float add(float sum, float value) { return sum + value; }

float sumOfRow(ConstFloatArray row) { return reduceRow(row, add); }

float sumOfPaddedRow(ConstFloatArray row) { return reduceLanes(row.data(), row.size(), kLanes, add); }

} // namespace vitya::numerics
