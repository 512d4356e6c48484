// Measures peak arithmetic throughput with loops of inline assembly that touch registers only.
#include "runtime/processor/PeakRate.h"
#include "runtime/processor/Features.h"
#include <string.h>
#include <time.h>

namespace vitya {

namespace {

/// CPU time of the calling thread.
double cpuSeconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

/// Calls `run`, which returns a number of operations, for `duration` seconds of CPU time and returns the best rate in
/// 10^9 operations per second.
template <typename Run>
double bestRate(double duration, Run run) {
  double best = 0, end = cpuSeconds() + duration;
  do {
    double start = cpuSeconds(), operations = run(), rate = operations / (cpuSeconds() - start);
    best = rate > best ? rate : best;
  } while (cpuSeconds() < end);
  return best * 1e-9;
}

} // namespace

double copyRate(double duration) {
  // Together they take half of the smallest L1 data cache.
  alignas(64) char from[8192] = {}, to[8192];
  return bestRate(duration, [&] {
    constexpr int kRounds = 10000;
    for (int i = 0; i < kRounds; ++i) {
      memcpy(to, from, sizeof(from));
      // The copy must take place: code that the compiler does not see may read it.
      asm volatile("" ::"r"(to), "r"(from) : "memory");
    }
    return 2.0 * kRounds * sizeof(from);
  });
}

#if defined(__x86_64__)
namespace {

template <MultiplyAdd expected>
bool is(MultiplyAdd kind) {
  return kind == expected;
}

bool isFloat(MultiplyAdd kind) { return kind == MultiplyAdd::f32 || kind == MultiplyAdd::bf16; }
bool isInteger(MultiplyAdd kind) { return !isFloat(kind); }

// Each kernel runs `rounds` rounds of twelve independent dependency chains, which hide the latency of the instruction,
// and returns the number of operations. Vector registers 0 to 11 accumulate; 12 and 13 hold the operands, which are
// zero; 14 and 15 are temporaries. PRODUCTS is the number of multiply-adds of one step of a chain.
#define VITYA_TWELVE(CHAIN)                                                                                            \
  CHAIN("0")                                                                                                           \
  CHAIN("1")                                                                                                           \
  CHAIN("2") CHAIN("3") CHAIN("4") CHAIN("5") CHAIN("6") CHAIN("7") CHAIN("8") CHAIN("9") CHAIN("10") CHAIN("11")
#define VITYA_KERNEL(NAME, TARGET, ZERO, CHAIN, PRODUCTS)                                                              \
  __attribute__((target(TARGET))) double NAME(long rounds) {                                                           \
    asm volatile(VITYA_TWELVE(ZERO) ZERO("12") ZERO("13")::                                                            \
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",        \
                       "xmm11", "xmm12", "xmm13");                                                                     \
    for (long round = 0; round < rounds; ++round)                                                                      \
      asm volatile(VITYA_TWELVE(CHAIN)::                                                                               \
                       : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",      \
                         "xmm11", "xmm14", "xmm15");                                                                   \
    return rounds * 12.0 * PRODUCTS * 2;                                                                               \
  }

#define VITYA_ZERO_YMM(N) "vxorps %%ymm" N ", %%ymm" N ", %%ymm" N "\n"
#define VITYA_ZERO_ZMM(N) "vpxorq %%zmm" N ", %%zmm" N ", %%zmm" N "\n"
#define VITYA_ZERO_XMM(N) "pxor %%xmm" N ", %%xmm" N "\n"
// Without fused multiply-adds, products are a temporary, which all chains may share: the processor renames registers.
#define VITYA_MULTIPLY_ADD_XMM(N) "movaps %%xmm12, %%xmm14\nmulps %%xmm13, %%xmm14\naddps %%xmm14, %%xmm" N "\n"
#define VITYA_MULTIPLY_ADD_YMM(N) "vmulps %%ymm12, %%ymm13, %%ymm14\nvaddps %%ymm14, %%ymm" N ", %%ymm" N "\n"
#define VITYA_PAIRS_XMM(N) "movdqa %%xmm12, %%xmm14\npmaddwd %%xmm13, %%xmm14\npaddd %%xmm14, %%xmm" N "\n"
#define VITYA_FMA_YMM(N) "vfmadd231ps %%ymm12, %%ymm13, %%ymm" N "\n"
#define VITYA_FMA_ZMM(N) "vfmadd231ps %%zmm12, %%zmm13, %%zmm" N "\n"
#define VITYA_BF16_ZMM(N) "vdpbf16ps %%zmm12, %%zmm13, %%zmm" N "\n"
#define VITYA_PAIRS_YMM(N) "vpmaddwd %%ymm12, %%ymm13, %%ymm14\nvpaddd %%ymm14, %%ymm" N ", %%ymm" N "\n"
#define VITYA_PAIRS_ZMM(N) "vpmaddwd %%zmm12, %%zmm13, %%zmm14\nvpaddd %%zmm14, %%zmm" N ", %%zmm" N "\n"
#define VITYA_DOT_YMM(N) "%{vex%} vpdpbusd %%ymm12, %%ymm13, %%ymm" N "\n"
#define VITYA_DOT_ZMM(N) "vpdpbusd %%zmm12, %%zmm13, %%zmm" N "\n"
// Short sums of 1, 2, 4 and 8 blocks: the products of further blocks are added in 16 bits before the sum is widened.
#define VITYA_FIRST(R) "vpmaddubsw %%" R "12, %%" R "13, %%" R "14\n"
#define VITYA_NEXT(R) "vpmaddubsw %%" R "12, %%" R "13, %%" R "15\nvpaddw %%" R "15, %%" R "14, %%" R "14\n"
#define VITYA_LAST(R, N) "vpmaddwd %%" R "12, %%" R "14, %%" R "14\nvpaddd %%" R "14, %%" R N ", %%" R N "\n"
#define VITYA_SUMS1(R, N) VITYA_FIRST(R) VITYA_LAST(R, N)
#define VITYA_SUMS2(R, N) VITYA_FIRST(R) VITYA_NEXT(R) VITYA_LAST(R, N)
#define VITYA_SUMS4(R, N) VITYA_FIRST(R) VITYA_NEXT(R) VITYA_NEXT(R) VITYA_NEXT(R) VITYA_LAST(R, N)
#define VITYA_NEXT4(R) VITYA_NEXT(R) VITYA_NEXT(R) VITYA_NEXT(R) VITYA_NEXT(R)
#define VITYA_SUMS8(R, N) VITYA_FIRST(R) VITYA_NEXT4(R) VITYA_NEXT(R) VITYA_NEXT(R) VITYA_NEXT(R) VITYA_LAST(R, N)
#define VITYA_SUMS1_YMM(N) VITYA_SUMS1("ymm", N)
#define VITYA_SUMS2_YMM(N) VITYA_SUMS2("ymm", N)
#define VITYA_SUMS4_YMM(N) VITYA_SUMS4("ymm", N)
#define VITYA_SUMS8_YMM(N) VITYA_SUMS8("ymm", N)
#define VITYA_SUMS1_ZMM(N) VITYA_SUMS1("zmm", N)
#define VITYA_SUMS2_ZMM(N) VITYA_SUMS2("zmm", N)
#define VITYA_SUMS4_ZMM(N) VITYA_SUMS4("zmm", N)
#define VITYA_SUMS8_ZMM(N) VITYA_SUMS8("zmm", N)
VITYA_KERNEL(multiplyAddXmm, "sse2", VITYA_ZERO_XMM, VITYA_MULTIPLY_ADD_XMM, 4)
VITYA_KERNEL(multiplyAddYmm, "avx", VITYA_ZERO_YMM, VITYA_MULTIPLY_ADD_YMM, 8)
VITYA_KERNEL(pairsXmm, "sse2", VITYA_ZERO_XMM, VITYA_PAIRS_XMM, 8)
VITYA_KERNEL(fmaYmm, "avx2,fma", VITYA_ZERO_YMM, VITYA_FMA_YMM, 8)
VITYA_KERNEL(fmaZmm, "avx512f", VITYA_ZERO_ZMM, VITYA_FMA_ZMM, 16)
VITYA_KERNEL(bf16Zmm, "avx512bf16", VITYA_ZERO_ZMM, VITYA_BF16_ZMM, 32)
VITYA_KERNEL(pairsYmm, "avx2", VITYA_ZERO_YMM, VITYA_PAIRS_YMM, 16)
VITYA_KERNEL(pairsZmm, "avx512bw", VITYA_ZERO_ZMM, VITYA_PAIRS_ZMM, 32)
VITYA_KERNEL(dotYmm, "avxvnni", VITYA_ZERO_YMM, VITYA_DOT_YMM, 32)
VITYA_KERNEL(dotZmm, "avx512vnni", VITYA_ZERO_ZMM, VITYA_DOT_ZMM, 64)
VITYA_KERNEL(sums1Ymm, "avx2", VITYA_ZERO_YMM, VITYA_SUMS1_YMM, 32)
VITYA_KERNEL(sums2Ymm, "avx2", VITYA_ZERO_YMM, VITYA_SUMS2_YMM, 64)
VITYA_KERNEL(sums4Ymm, "avx2", VITYA_ZERO_YMM, VITYA_SUMS4_YMM, 128)
VITYA_KERNEL(sums8Ymm, "avx2", VITYA_ZERO_YMM, VITYA_SUMS8_YMM, 256)
VITYA_KERNEL(sums1Zmm, "avx512bw", VITYA_ZERO_ZMM, VITYA_SUMS1_ZMM, 64)
VITYA_KERNEL(sums2Zmm, "avx512bw", VITYA_ZERO_ZMM, VITYA_SUMS2_ZMM, 128)
VITYA_KERNEL(sums4Zmm, "avx512bw", VITYA_ZERO_ZMM, VITYA_SUMS4_ZMM, 256)
VITYA_KERNEL(sums8Zmm, "avx512bw", VITYA_ZERO_ZMM, VITYA_SUMS8_ZMM, 512)

/// The kernels of each kind, widest first: the first one that the processor supports is measured. Any integers may use
/// a dot product of bytes. Code for processors without AVX2 has no faster products than those of pairs.
constexpr struct {
  bool (*suits)(MultiplyAdd kind);
  const char *feature;
  double (*run)(long);
} kKernels[] = {{is<MultiplyAdd::bf16>, "avx512bf16", bf16Zmm},
                {isFloat, "avx512f", fmaZmm},
                {isFloat, "fma", fmaYmm},
                {isFloat, "avx", multiplyAddYmm},
                {isFloat, "sse2", multiplyAddXmm},
                {isInteger, "avx512vnni", dotZmm},
                {isInteger, "avxvnni", dotYmm},
                {is<MultiplyAdd::i8>, "avx512bw", pairsZmm},
                {is<MultiplyAdd::i8>, "avx2", pairsYmm},
                {is<MultiplyAdd::shortSums1>, "avx512bw", sums1Zmm},
                {is<MultiplyAdd::shortSums1>, "avx2", sums1Ymm},
                {is<MultiplyAdd::shortSums2>, "avx512bw", sums2Zmm},
                {is<MultiplyAdd::shortSums2>, "avx2", sums2Ymm},
                {is<MultiplyAdd::shortSums4>, "avx512bw", sums4Zmm},
                {is<MultiplyAdd::shortSums4>, "avx2", sums4Ymm},
                {is<MultiplyAdd::shortSums8>, "avx512bw", sums8Zmm},
                {is<MultiplyAdd::shortSums8>, "avx2", sums8Ymm},
                {isInteger, "sse2", pairsXmm}};

} // namespace

double peakRate(MultiplyAdd kind, double duration) {
  for (const auto &kernel : kKernels) {
    if (!kernel.suits(kind) || !hasFeature(kernel.feature, strlen(kernel.feature)))
      continue;
    return bestRate(duration, [&] { return kernel.run(1 << 20); });
  }
  return 0;
}

#else

double peakRate(MultiplyAdd, double) { return 0; }

#endif

} // namespace vitya
