// The formulas of gelu, relu, silu and layer_norm, and exp, erf and tanh, as sequences of f32 operations. Each is a
// template that is instantiated twice: with floats by the reference interpreter (FloatArithmetic) and with SSA values
// by the lowering (FloatBuilder), so both engines compute the same bits.
//
// An `Arithmetic` has a type Value, an f32 number, and the operations
//   constant(float)
//   add, sub, mul, div(a, b), fma(a, b, c) = a b + c, sqrt(a), roundEven(a), each rounded once, ties to even
//   min(a, b) = a < b ? a : b and max(a, b) = a > b ? a : b, which return b if either operand is NaN
//   exp, erf, tanh(a): the functions below, or an op that is expanded to them later
//   shiftToExponent(a): the f32 whose bits are those of `a` shifted left by 23
//   toInteger(a): an integral `a` as a 32-bit integer
#ifndef VITYA_DIALECT_ARITHMETIC_MATHFUNCTIONS_H
#define VITYA_DIALECT_ARITHMETIC_MATHFUNCTIONS_H

#include <cstdint>

namespace vitya::numerics {

//===----------------------------------------------------------------------===//
// Elementary functions
//===----------------------------------------------------------------------===//

/// Evaluates the polynomial with `coefficients`, highest power first, at `x` by a chain of fused multiply-adds.
template <typename Arithmetic, int64_t size>
typename Arithmetic::Value polynomial(Arithmetic &a, typename Arithmetic::Value x, const float (&coefficients)[size]) {
  auto sum = a.constant(coefficients[0]);
  for (int64_t i = 1; i < size; ++i)
    sum = a.fma(sum, x, a.constant(coefficients[i]));
  return sum;
}

/// e^x = 2^n e^r with n = rint(x / ln 2) and |r| <= ln 2 / 2. The polynomial is that of Cephes (expf). Adding kShift,
/// whose last bit has the value 1, rounds x / ln 2 to the integer n. Results below 2^-126 are zero; exp(NaN) is NaN.
template <typename Arithmetic>
typename Arithmetic::Value exponential(Arithmetic &a, typename Arithmetic::Value x) {
  constexpr float kCoefficients[] = {1.9875691500e-4f,
                                     1.3981999507e-3f,
                                     8.3334519073e-3f,
                                     4.1665795894e-2f,
                                     1.6666665459e-1f,
                                     5.0000001201e-1f,
                                     1.0f,
                                     1.0f};
  constexpr float kShift = 12582912.0f + 127.0f; // 1.5 * 2^23, and the bias of an f32 exponent
  x = a.max(a.constant(-88.03f), x);             // n >= -127, whose power of two is encoded as zero
  auto shifted = a.fma(x, a.constant(1.44269504f), a.constant(kShift));
  shifted = a.min(a.constant(kShift + 127.0f), shifted);
  auto n = a.sub(shifted, a.constant(kShift));
  auto r = a.fma(n, a.constant(-0.693359375f), x); // ln 2 in two parts; n times the first part is exact
  r = a.fma(n, a.constant(2.12194440e-4f), r);
  return a.mul(polynomial(a, r, kCoefficients), a.shiftToExponent(shifted));
}

/// x P(x^2) / Q(x^2) on [-limit, limit], and the value at the nearer end outside. NaN gives the value at `limit`.
template <typename Arithmetic, int64_t p, int64_t q>
typename Arithmetic::Value oddRational(Arithmetic &a, typename Arithmetic::Value x, float limit,
                                       const float (&numerator)[p], const float (&denominator)[q]) {
  x = a.max(a.min(x, a.constant(limit)), a.constant(-limit));
  auto square = a.mul(x, x);
  auto dividend = a.mul(x, polynomial(a, square, numerator));
  return a.div(dividend, polynomial(a, square, denominator));
}

/// erf(x), which rounds to 1 beyond the limit. The minimax coefficients are those of XLA (ErfImpl32). erf(NaN) is 1.
template <typename Arithmetic>
typename Arithmetic::Value errorFunction(Arithmetic &a, typename Arithmetic::Value x) {
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

/// tanh(x), which rounds to 1 beyond the limit. The minimax coefficients are those of Eigen (generic_fast_tanh_float),
/// XLA and MLIR. tanh(NaN) is 1.
template <typename Arithmetic>
typename Arithmetic::Value hyperbolicTangent(Arithmetic &a, typename Arithmetic::Value x) {
  constexpr float kNumerator[] = {-2.76076847742355e-16f, 2.00018790482477e-13f, -8.60467152213735e-11f,
                                  5.12229709037114e-08f,  1.48572235717979e-05f, 6.37261928875436e-04f,
                                  4.89352455891786e-03f};
  constexpr float kDenominator[] = {1.19825839466702e-06f, 1.18534705686654e-04f, 2.26843463243900e-03f,
                                    4.89352518554385e-03f};
  return oddRational(a, x, 7.99881172180175781f, kNumerator, kDenominator);
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

/// (x / 2) (bell + 1): the last step of two forms of GELU. NaN if x is NaN.
template <typename Arithmetic>
typename Arithmetic::Value geluOf(Arithmetic &a, typename Arithmetic::Value x, typename Arithmetic::Value bell) {
  auto half = a.mul(x, a.constant(0.5f));
  return a.mul(half, a.add(bell, a.constant(1.0f)));
}

/// GELU: x Phi(x) = (x / 2) (erf(x / sqrt 2) + 1). NaN if x is NaN.
template <typename Arithmetic>
typename Arithmetic::Value geluErf(Arithmetic &a, typename Arithmetic::Value x) {
  constexpr float kSqrtHalf = 0.70710678118654752f;
  return geluOf(a, x, a.erf(a.mul(x, a.constant(kSqrtHalf))));
}

/// The tanh approximation of GELU (arXiv 1606.08415): (x / 2) (tanh(sqrt(2 / pi) (x + 0.044715 x^3)) + 1). NaN if x is
/// NaN.
template <typename Arithmetic>
typename Arithmetic::Value geluTanh(Arithmetic &a, typename Arithmetic::Value x) {
  constexpr float kSqrtTwoOverPi = 0.79788456080286536f;
  auto scaled = a.mul(a.constant(0.044715f), x);
  auto cubic = a.mul(scaled, a.mul(x, x));
  return geluOf(a, x, a.tanh(a.mul(a.constant(kSqrtTwoOverPi), a.add(x, cubic))));
}

/// x sigmoid(slope x) = x / (exp(-slope x) + 1). NaN if x is NaN or negative infinity.
template <typename Arithmetic>
typename Arithmetic::Value timesSigmoid(Arithmetic &a, typename Arithmetic::Value x, float slope) {
  return a.div(x, a.add(a.exp(a.mul(x, a.constant(-slope))), a.constant(1.0f)));
}

/// The logistic approximation of GELU (arXiv 1606.08415, "QuickGELU" of OpenAI's CLIP).
template <typename Arithmetic>
typename Arithmetic::Value geluQuick(Arithmetic &a, typename Arithmetic::Value x) {
  return timesSigmoid(a, x, 1.702f);
}

template <typename Arithmetic>
typename Arithmetic::Value sigmoidLinear(Arithmetic &a, typename Arithmetic::Value x) {
  return timesSigmoid(a, x, 1.0f);
}

/// x, or 0 if x is negative. NaN if x is NaN.
template <typename Arithmetic>
typename Arithmetic::Value rectified(Arithmetic &a, typename Arithmetic::Value x) {
  return a.max(a.constant(0.0f), x);
}

/// The factor of a norm, 1 / sqrt(mean + eps), for a row of `width` values, where mean is that of their squares (RMS
/// norm) or of their squared distances from the mean (layer norm), which sum up to `sumOfSquares`. NaN if the sum is
/// NaN.
template <typename Arithmetic>
typename Arithmetic::Value normFactor(Arithmetic &a, typename Arithmetic::Value sumOfSquares, float width, float eps) {
  auto mean = a.div(sumOfSquares, a.constant(width));
  auto deviation = a.sqrt(a.add(mean, a.constant(eps)));
  return a.div(a.constant(1.0f), deviation);
}

/// An element of layer norm: ((x - mean) * factor) * weight + bias, each operation rounded. NaN if any operand is NaN.
template <typename Arithmetic>
typename Arithmetic::Value layerNormElement(Arithmetic &a, typename Arithmetic::Value x,
                                            typename Arithmetic::Value mean, typename Arithmetic::Value factor,
                                            typename Arithmetic::Value weight, typename Arithmetic::Value bias) {
  auto normal = a.mul(a.sub(x, mean), factor);
  return a.add(a.mul(normal, weight), bias);
}

} // namespace vitya::numerics

#endif // VITYA_DIALECT_ARITHMETIC_MATHFUNCTIONS_H
