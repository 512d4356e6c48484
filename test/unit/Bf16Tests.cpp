// Rounding to bf16, and the order of products of bf16, against the processor's instruction where it has one.
#include "dialect/arithmetic/Bf16.h"
#include "dialect/arithmetic/FloatArithmetic.h"
#include "dialect/reference/Ops.h"
#include "mlir/IR/MLIRContext.h"
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace vitya;
using namespace vitya::reference;
using Eigen::bfloat16;

namespace {

float rounded(float value) {
  numerics::FloatArithmetic a;
  return static_cast<float>(numerics::toBf16(a, value));
}

TEST(Bf16, RoundsToNearestTiesToEven) {
  EXPECT_EQ(rounded(1.0f), 1.0f);
  EXPECT_EQ(rounded(1.0f + 0x1p-8f), 1.0f);                // a tie
  EXPECT_EQ(rounded(1.0f + 0x3p-8f), 1.0f + 0x4p-8f);      // a tie
  EXPECT_EQ(rounded(1.0f + 0x1.0002p-8f), 1.0f + 0x2p-8f); // above a tie
  EXPECT_EQ(rounded(-1.0f - 0x0.fffep-8f), -1.0f);         // below a tie
  EXPECT_EQ(rounded(0x1.ffp0f), 0x1p1f);                   // the exponent grows
  EXPECT_EQ(rounded(std::numeric_limits<float>::max()), std::numeric_limits<float>::infinity());
}

TEST(Bf16, NumbersBelowTheLeastAreZero) {
  EXPECT_EQ(rounded(0x1p-55f), 0x1p-55f);
  EXPECT_EQ(rounded(-0x1p-55f), -0x1p-55f);
  EXPECT_EQ(rounded(std::nextafter(0x1p-55f, 0.0f)), 0.0f); // also if rounding would give 2^-55
  EXPECT_EQ(rounded(-0x1p-126f), 0.0f);
  EXPECT_EQ(rounded(std::numeric_limits<float>::denorm_min()), 0.0f);
}

TEST(Bf16, NotFiniteStaysSo) {
  EXPECT_TRUE(std::isnan(rounded(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_EQ(rounded(-std::numeric_limits<float>::infinity()), -std::numeric_limits<float>::infinity());
}

/// Tensors of random bf16 of all magnitudes that vitya.to_bf16 keeps and whose sums do not overflow, and zeros.
class Bf16Linear : public testing::Test {
protected:
  Tensor random(int64_t rows, int64_t columns) {
    Tensor result({rows, columns}, mlir::BFloat16Type::get(&context));
    std::uniform_int_distribution<int> exponents(-55, 55), kinds(0, 7);
    std::uniform_real_distribution<float> mantissas(-2, 2);
    // Most are of about one magnitude, so that the order of sums matters.
    for (bfloat16 &value : result.mutableValues<bfloat16>()) {
      int kind = kinds(generator);
      float mantissa = mantissas(generator);
      value = bfloat16(rounded(kind == 0 ? 0 : kind == 1 ? std::ldexp(mantissa, exponents(generator)) : mantissa));
    }
    return result;
  }

  static float at(const Tensor &tensor, int64_t row, int64_t column) {
    return static_cast<float>(tensor.values<bfloat16>()[row * tensor.dim(1) + column]);
  }

  mlir::MLIRContext context;
  std::mt19937 generator{1234};
};

/// The sum of the products of a row of `x` and a row of `w`, from the formula.
float sumOf(const std::function<float(int64_t)> &x, const std::function<float(int64_t)> &w, int64_t width) {
  float sum = 0;
  for (int64_t pair = 0; pair < width; pair += 2)
    for (int64_t column : {pair + 1, pair})
      if (column < width)
        sum = std::fma(x(column), w(column), sum);
  return sum;
}

TEST_F(Bf16Linear, AddsTheSecondOfEachPairFirst) {
  for (int64_t width : {1, 2, 7, 64}) {
    Tensor x = random(3, width), w = random(5, width);
    Tensor bias({5}, mlir::Float32Type::get(&context));
    for (auto [i, value] : llvm::enumerate(bias.mutableValues()))
      value = static_cast<float>(i);
    Tensor result = bf16Linear(x, packed(w), &bias, bias.elementType());
    for (int64_t n = 0; n < 3; ++n)
      for (int64_t o = 0; o < 5; ++o)
        EXPECT_EQ(result.values()[n * 5 + o],
                  sumOf([&](int64_t i) { return at(x, n, i); }, [&](int64_t i) { return at(w, o, i); }, width) +
                      bias.values()[o]);
  }
}

#if defined(__x86_64__)
/// The sums of the products of 16 rows of pairs, by vdpbf16ps.
__attribute__((target("avx512f,avx512bf16"))) void dotProducts(const bfloat16 *x, const bfloat16 *w, float *sums) {
  __m512 result =
      _mm512_dpbf16_ps(_mm512_loadu_ps(sums), (__m512bh)_mm512_loadu_si512(x), (__m512bh)_mm512_loadu_si512(w));
  _mm512_storeu_ps(sums, result);
}

// The instruction flushes subnormal numbers, which sums of such factors never are.
TEST_F(Bf16Linear, IsWhatTheInstructionComputes) {
  if (!__builtin_cpu_supports("avx512bf16"))
    GTEST_SKIP() << "this processor has no vdpbf16ps";
  constexpr int64_t steps = 1000, lanes = 16;
  Tensor x = random(steps, 2 * lanes), w = random(steps, 2 * lanes);
  float sums[lanes] = {};
  for (int64_t step = 0; step < steps; ++step)
    dotProducts(x.values<bfloat16>().data() + step * 2 * lanes, w.values<bfloat16>().data() + step * 2 * lanes, sums);
  for (int64_t lane = 0; lane < lanes; ++lane)
    EXPECT_EQ(sums[lane], sumOf([&](int64_t i) { return at(x, i / 2, 2 * lane + i % 2); },
                                [&](int64_t i) { return at(w, i / 2, 2 * lane + i % 2); }, 2 * steps));
}

// The product of smaller factors is subnormal, so it matters that vitya.to_bf16 has no such results.
TEST_F(Bf16Linear, TheInstructionFlushesSmallerSums) {
  if (!__builtin_cpu_supports("avx512bf16"))
    GTEST_SKIP() << "this processor has no vdpbf16ps";
  bfloat16 x[32], w[32];
  for (int i = 0; i < 32; ++i)
    x[i] = w[i] = bfloat16(0x1p-64f);
  float sums[16] = {};
  dotProducts(x, w, sums);
  EXPECT_EQ(sums[0], 0);
  EXPECT_GT(std::fma(0x1p-64f, 0x1p-64f, 0.0f), 0);
}
#endif

} // namespace
