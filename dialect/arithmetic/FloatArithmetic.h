// The `Arithmetic` of MathFunctions.h on floats.
#ifndef VITYA_DIALECT_ARITHMETIC_FLOATARITHMETIC_H
#define VITYA_DIALECT_ARITHMETIC_FLOATARITHMETIC_H

#include "dialect/arithmetic/MathFunctions.h"
#include <Eigen/Core>
#include <cmath>

namespace vitya::numerics {

/// Each operation is a function of its own, so that no compiler fuses two of them unless it is allowed to contract
/// floating-point expressions across statements (-ffp-contract=fast).
struct FloatArithmetic {
  using Value = float;

  static float constant(float value) { return value; }
  static float add(float a, float b) { return a + b; }
  static float sub(float a, float b) { return a - b; }
  static float mul(float a, float b) { return a * b; }
  static float div(float a, float b) { return a / b; }
  static float fma(float a, float b, float c) { return std::fma(a, b, c); }
  static float sqrt(float a) { return std::sqrt(a); }
  static float roundEven(float a) { return std::nearbyint(a); }
  static float min(float a, float b) { return a < b ? a : b; }
  static float max(float a, float b) { return a > b ? a : b; }
  /// The larger value, NaN if one of them is; +0 is larger than -0.
  static float maximum(float a, float b) {
    if (std::isnan(a) || std::isnan(b))
      return a + b;
    return a > b || (a == b && !std::signbit(a)) ? a : b;
  }
  static float shiftToExponent(float a) {
    uint32_t bits;
    __builtin_memcpy(&bits, &a, sizeof(bits));
    bits <<= 23;
    __builtin_memcpy(&a, &bits, sizeof(bits));
    return a;
  }
  static float zeroBelow(float a, float limit) { return std::fabs(a) < limit ? 0 : a; }
  static Eigen::bfloat16 truncateToBf16(float a) { return Eigen::bfloat16(a); }
  static int32_t toInteger(float a) { return static_cast<int32_t>(a); }

  float exp(float a) { return exponential(*this, a); }
  float erf(float a) { return errorFunction(*this, a); }
  float tanh(float a) { return hyperbolicTangent(*this, a); }
};

} // namespace vitya::numerics

#endif // VITYA_DIALECT_ARITHMETIC_FLOATARITHMETIC_H
