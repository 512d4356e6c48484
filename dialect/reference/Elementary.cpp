// The arithmetic of dialect/Elementary.h on floats. Compiled for several processors; where one has no fused
// multiply-add, the C library computes it, with the same result.
#include "dialect/reference/Elementary.h"
#include "dialect/Elementary.h"
#include "dialect/arithmetic/ForEachProcessor.h"
#include <cmath>

namespace vitya::reference {
namespace {

struct FloatArithmetic {
  static float constant(float value) { return value; }
  static float minus(float a, float b) { return a - b; }
  static float times(float a, float b) { return a * b; }
  static float over(float a, float b) { return a / b; }
  static float fma(float a, float b, float c) { return std::fma(a, b, c); }
  static float less(float a, float b) { return a < b ? a : b; }
  static float greater(float a, float b) { return a > b ? a : b; }
  static float exponentOf(float value) {
    uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof(bits));
    bits <<= 23;
    __builtin_memcpy(&value, &bits, sizeof(bits));
    return value;
  }
};

/// The sum of `lanes` numbers, which it changes: halves are added until one is left.
float across(float (&partial)[kLanes], int64_t lanes) {
  for (int64_t half = lanes / 2; half >= 1; half /= 2)
    for (int64_t lane = 0; lane < half; ++lane)
      partial[lane] += partial[lane + half];
  return partial[0] + 0.0f; // never -0
}

} // namespace

VITYA_FOR_EACH_PROCESSOR
void exponentials(llvm::MutableArrayRef<float> values) {
  for (float &value : values)
    value = exponential(FloatArithmetic(), value);
}

VITYA_FOR_EACH_PROCESSOR
void errorFunctions(llvm::MutableArrayRef<float> values) {
  for (float &value : values)
    value = errorFunction(FloatArithmetic(), value);
}

VITYA_FOR_EACH_PROCESSOR
void hyperbolicTangents(llvm::MutableArrayRef<float> values) {
  for (float &value : values)
    value = hyperbolicTangent(FloatArithmetic(), value);
}

VITYA_FOR_EACH_PROCESSOR
float sumOfSquares(llvm::ArrayRef<float> row, int64_t lanes) {
  float partial[kLanes] = {};
  for (size_t i = 0; i < row.size(); ++i)
    partial[i % lanes] = std::fma(row[i], row[i], partial[i % lanes]);
  return across(partial, lanes);
}

float sumOfRow(llvm::ArrayRef<float> row, int64_t lanes) {
  float partial[kLanes] = {};
  for (size_t i = 0; i < row.size(); ++i)
    partial[i % lanes] += row[i];
  return across(partial, lanes);
}

} // namespace vitya::reference
