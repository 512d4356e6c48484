// The rounding of f32 to bf16, written once for both engines. MathFunctions.h defines `Arithmetic`.
#ifndef VITYA_DIALECT_ARITHMETIC_BF16_H
#define VITYA_DIALECT_ARITHMETIC_BF16_H

namespace vitya::numerics {

/// The least magnitude of a bf16 factor that is not zero. With 8 significant bits, such a factor is a multiple of
/// 2^-62. Hence products, and sums of them in f32, are multiples of 2^-124: they are zero or normal f32.
inline constexpr float kLeastBf16 = 0x1p-55f;

/// `x` as bf16, rounded to nearest, ties to even; 0 if its magnitude is below kLeastBf16. NaN stays NaN.
template <typename Arithmetic>
auto toBf16(Arithmetic &a, typename Arithmetic::Value x) {
  return a.truncateToBf16(a.zeroBelow(x, kLeastBf16));
}

} // namespace vitya::numerics

#endif // VITYA_DIALECT_ARITHMETIC_BF16_H
