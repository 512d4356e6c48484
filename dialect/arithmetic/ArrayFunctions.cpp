// Compiled for several processors. If one has no fused multiply-add, the C library computes it, with the same result.
#include "dialect/arithmetic/ArrayFunctions.h"
#include "dialect/arithmetic/FloatArithmetic.h"
#include "dialect/arithmetic/ForEachProcessor.h"
#include "dialect/arithmetic/Lanes.h"

namespace vitya::numerics {

/// Adds the upper half of the lanes to the lower half until one is left. Overwrites `partial`.
static float sumOfLanes(float (&partial)[kLanes], int64_t lanes) {
  for (int64_t half = lanes / 2; half >= 1; half /= 2)
    for (int64_t lane = 0; lane < half; ++lane)
      partial[lane] += partial[lane + half];
  return partial[0] + 0.0f; // turns -0 into 0
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
float sumOfSquares(ConstFloatArray row, int64_t lanes) {
  float partial[kLanes] = {};
  const float *values = row.data();
  for (int64_t i = 0, size = row.size(); i < size; ++i)
    partial[i % lanes] = std::fma(values[i], values[i], partial[i % lanes]);
  return sumOfLanes(partial, lanes);
}

float sumOfRow(ConstFloatArray row, int64_t lanes) {
  float partial[kLanes] = {};
  for (int64_t i = 0, size = row.size(); i < size; ++i)
    partial[i % lanes] += row[i];
  return sumOfLanes(partial, lanes);
}

} // namespace vitya::numerics
