// Affine quantization in f32, written once for both engines. MathFunctions.h defines `Arithmetic`.
#ifndef VITYA_DIALECT_ARITHMETIC_QUANTIZE_H
#define VITYA_DIALECT_ARITHMETIC_QUANTIZE_H

#include <cstdint>
#include <limits>
#include <utility>

namespace vitya::numerics {

/// The integers from `min` to `max`.
struct Levels {
  int32_t min, max;
};

/// The levels of an activation of `bits` bits, the first factor of an integer product: 0 to 2^bits - 1.
constexpr Levels unsignedLevels(int bits) { return {0, (1 << bits) - 1}; }
/// The levels of a weight of `bits` bits, or of the second factor of an integer product: symmetric around zero, without
/// the lowest integer, -2^(bits - 1).
constexpr Levels signedLevels(int bits) { return {1 - (1 << (bits - 1)), (1 << (bits - 1)) - 1}; }

inline constexpr Levels kUnsignedLevels = unsignedLevels(8);
inline constexpr Levels kSignedLevels = signedLevels(8);

/// The level of `x`: clamp(rint(x * inverseScale) + zeroPoint, levels.min, levels.max), ties to even. The zero point is
/// an integral f32. If x * inverseScale is NaN, the result is levels.min.
template <typename Arithmetic>
auto quantize(Arithmetic &a, typename Arithmetic::Value x, typename Arithmetic::Value inverseScale,
              typename Arithmetic::Value zeroPoint, Levels levels) {
  auto level = a.add(a.roundEven(a.mul(x, inverseScale)), zeroPoint);
  level = a.max(level, a.constant(static_cast<float>(levels.min)));
  return a.toInteger(a.min(level, a.constant(static_cast<float>(levels.max))));
}

/// The least scale: the smallest normal f32, whose reciprocal is finite. Values are therefore represented within half a
/// step or half of this scale, whichever is larger.
inline constexpr float kLeastScale = std::numeric_limits<float>::min();

/// `sum` + 0 x: a sum of all values that stays zero unless one of them is NaN or infinite, which makes it NaN.
template <typename Arithmetic>
auto addIfNotFinite(Arithmetic &a, typename Arithmetic::Value x, typename Arithmetic::Value sum) {
  return a.add(sum, a.mul(x, a.constant(0.0f)));
}

/// Scale and zero point, both f32, that map [low, high], a range which contains zero, to the levels from 0 to `levels`:
/// scale = max((high - low) / levels, kLeastScale) + check, zero = clamp(rint(-low / scale), 0, levels). `check` is the
/// sum that `addIfNotFinite` computes of all values. If one of them is NaN or infinite, the scale is NaN, and so is
/// every result that is computed with it; the zero point is 0.
template <typename Arithmetic>
std::pair<typename Arithmetic::Value, typename Arithmetic::Value>
chooseQParams(Arithmetic &a, typename Arithmetic::Value low, typename Arithmetic::Value high,
              typename Arithmetic::Value check, float levels) {
  auto step = a.div(a.sub(high, low), a.constant(levels));
  auto scale = a.add(a.max(step, a.constant(kLeastScale)), check);
  auto zero = a.roundEven(a.div(a.sub(a.constant(0.0f), low), scale));
  return {scale, a.min(a.max(zero, a.constant(0.0f)), a.constant(levels))};
}

} // namespace vitya::numerics

#endif // VITYA_DIALECT_ARITHMETIC_QUANTIZE_H
