// The f32 arithmetic that the formulas of the ops leave open, to the bit: in which order a row is summed up, and what
// exp, erf and tanh are. Each is written once, for whatever computes: floats in the reference interpreter, or ops that
// the lowering emits. Nothing else is between an op's formula and the bits of its result.
#ifndef VITYA_DIALECT_ELEMENTARY_H
#define VITYA_DIALECT_ELEMENTARY_H

#include <cstdint>

namespace vitya {

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// Lanes of a reduction and the unit of padding: 16 f32 are one AVX-512 register, two of AVX2, one cache line. A row
/// is summed up lane by lane, from zero and in order, then halves of the lanes are added until one is left.
inline constexpr int64_t kLanes = 16;

/// The largest power of two up to kLanes that divides `size`: how many lanes a row of that size is cut into.
inline int64_t lanesOf(int64_t size) {
  int64_t lanes = kLanes;
  while (size % lanes != 0)
    lanes /= 2;
  return lanes;
}

//===----------------------------------------------------------------------===//
// Functions. An `Arithmetic` has constant(float), the rounded operations minus, times, over and
// fma(a, b, c) = a b + c, the selections less(a, b) = a < b ? a : b and greater(a, b) = a > b ? a : b, which give b
// where one is a NaN, and exponentOf(a), the float whose bits are those of `a` shifted left by 23.
//===----------------------------------------------------------------------===//

/// The polynomial with `coefficients`, those of high powers first, at `x`: a chain of fused multiply-adds.
template <typename Arithmetic, typename Value, int64_t size>
Value polynomial(const Arithmetic &a, Value x, const float (&coefficients)[size]) {
  Value sum = a.constant(coefficients[0]);
  for (int64_t i = 1; i < size; ++i)
    sum = a.fma(sum, x, a.constant(coefficients[i]));
  return sum;
}

/// e^x: 2^n e^r with n = rint(x / ln 2) and |r| <= ln 2 / 2. The polynomial is that of Cephes (expf), the way to n the
/// addition of a number so large that its last bit is 1. Results below 2^-126 are zero.
template <typename Arithmetic, typename Value>
Value exponential(const Arithmetic &a, Value x) {
  constexpr float kCoefficients[] = {1.9875691500e-4f,
                                     1.3981999507e-3f,
                                     8.3334519073e-3f,
                                     4.1665795894e-2f,
                                     1.6666665459e-1f,
                                     5.0000001201e-1f,
                                     1.0f,
                                     1.0f};
  constexpr float kShift = 12582912.0f + 127.0f; // 1.5 * 2^23, and the bias of an exponent
  x = a.greater(a.constant(-88.03f), x);         // n = -127, whose power of two is zero
  Value shifted = a.fma(x, a.constant(1.44269504f), a.constant(kShift));
  shifted = a.less(a.constant(kShift + 127.0f), shifted);
  Value n = a.minus(shifted, a.constant(kShift));
  Value r = a.fma(n, a.constant(-0.693359375f), x); // ln 2 in two parts, of which the first has few digits
  r = a.fma(n, a.constant(2.12194440e-4f), r);
  return a.times(polynomial(a, r, kCoefficients), a.exponentOf(shifted));
}

/// x P(x^2) / Q(x^2) on [-limit, limit], and the value at the limit beyond it.
template <typename Arithmetic, typename Value, int64_t p, int64_t q>
Value oddRational(const Arithmetic &a, Value x, float limit, const float (&numerator)[p],
                  const float (&denominator)[q]) {
  x = a.greater(a.less(x, a.constant(limit)), a.constant(-limit));
  Value square = a.times(x, x);
  return a.over(a.times(x, polynomial(a, square, numerator)), polynomial(a, square, denominator));
}

/// erf(x), which is 1 in f32 beyond the limit. The minimax coefficients are XLA's (ErfImpl32).
template <typename Arithmetic, typename Value>
Value errorFunction(const Arithmetic &a, Value x) {
  constexpr float kNumerator[] = {0.00022905065861350646f, 0.0034082910107109506f, 0.050955695062380861f,
                                  0.18520832239976145f, 1.128379143519084f};
  constexpr float kDenominator[] = {-1.1791602954361697e-7f,
                                    0.000023547966471313185f,
                                    0.0010179625278914885f,
                                    0.014070470171167667f,
                                    0.11098505178285362f,
                                    0.49746925110067538f,
                                    1.0f};
  return oddRational(a, x, 3.832506856900711f, kNumerator, kDenominator);
}

/// tanh(x), which is 1 in f32 beyond the limit. The minimax coefficients are Eigen's (generic_fast_tanh_float), which
/// XLA and MLIR have too.
template <typename Arithmetic, typename Value>
Value hyperbolicTangent(const Arithmetic &a, Value x) {
  constexpr float kNumerator[] = {-2.76076847742355e-16f, 2.00018790482477e-13f, -8.60467152213735e-11f,
                                  5.12229709037114e-08f,  1.48572235717979e-05f, 6.37261928875436e-04f,
                                  4.89352455891786e-03f};
  constexpr float kDenominator[] = {1.19825839466702e-06f, 1.18534705686654e-04f, 2.26843463243900e-03f,
                                    4.89352518554385e-03f};
  return oddRational(a, x, 7.99881172180175781f, kNumerator, kDenominator);
}

} // namespace vitya

#endif // VITYA_DIALECT_ELEMENTARY_H
