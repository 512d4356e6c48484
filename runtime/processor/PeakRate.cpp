// Measures peak arithmetic throughput with loops of inline assembly that touch registers only.
#include "runtime/processor/PeakRate.h"
#include "runtime/processor/Features.h"
#include <string.h>
#include <time.h>

namespace vitya {

#if defined(__x86_64__)
namespace {

/// CPU time of the calling thread.
double cpuSeconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

// Each kernel runs `rounds` rounds of twelve independent dependency chains, which hide the latency of the instruction,
// and returns the number of operations. Vector registers 0 to 11 accumulate; 12 and 13 hold the operands, which are
// zero; 14 is a temporary. PRODUCTS is the number of multiply-adds of one step of a chain.
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
                         "xmm11", "xmm14");                                                                            \
    return rounds * 12.0 * PRODUCTS * 2;                                                                               \
  }

#define VITYA_ZERO_YMM(N) "vpxor %%ymm" N ", %%ymm" N ", %%ymm" N "\n"
#define VITYA_ZERO_ZMM(N) "vpxorq %%zmm" N ", %%zmm" N ", %%zmm" N "\n"
#define VITYA_FMA_YMM(N) "vfmadd231ps %%ymm12, %%ymm13, %%ymm" N "\n"
#define VITYA_FMA_ZMM(N) "vfmadd231ps %%zmm12, %%zmm13, %%zmm" N "\n"
#define VITYA_PAIRS_YMM(N) "vpmaddwd %%ymm12, %%ymm13, %%ymm14\nvpaddd %%ymm14, %%ymm" N ", %%ymm" N "\n"
#define VITYA_PAIRS_ZMM(N) "vpmaddwd %%zmm12, %%zmm13, %%zmm14\nvpaddd %%zmm14, %%zmm" N ", %%zmm" N "\n"
#define VITYA_DOT_YMM(N) "%{vex%} vpdpbusd %%ymm12, %%ymm13, %%ymm" N "\n"
#define VITYA_DOT_ZMM(N) "vpdpbusd %%zmm12, %%zmm13, %%zmm" N "\n"
VITYA_KERNEL(fmaYmm, "avx2,fma", VITYA_ZERO_YMM, VITYA_FMA_YMM, 8)
VITYA_KERNEL(fmaZmm, "avx512f", VITYA_ZERO_ZMM, VITYA_FMA_ZMM, 16)
VITYA_KERNEL(pairsYmm, "avx2", VITYA_ZERO_YMM, VITYA_PAIRS_YMM, 16)
VITYA_KERNEL(pairsZmm, "avx512bw", VITYA_ZERO_ZMM, VITYA_PAIRS_ZMM, 32)
VITYA_KERNEL(dotYmm, "avxvnni", VITYA_ZERO_YMM, VITYA_DOT_YMM, 32)
VITYA_KERNEL(dotZmm, "avx512vnni", VITYA_ZERO_ZMM, VITYA_DOT_ZMM, 64)

/// The kernels of each element type, fastest first: the first one that the processor supports is measured.
constexpr struct {
  ElementType type;
  const char *feature;
  double (*run)(long);
} kKernels[] = {{ElementType::f32, "avx512f", fmaZmm},   {ElementType::f32, "fma", fmaYmm},
                {ElementType::i8, "avx512vnni", dotZmm}, {ElementType::i8, "avxvnni", dotYmm},
                {ElementType::i8, "avx512bw", pairsZmm}, {ElementType::i8, "avx2", pairsYmm}};

} // namespace

double peakRate(ElementType type, double duration) {
  for (const auto &kernel : kKernels) {
    if (kernel.type != type || !hasFeature(kernel.feature, strlen(kernel.feature)))
      continue;
    double best = 0, end = cpuSeconds() + duration;
    do {
      double start = cpuSeconds(), operations = kernel.run(1 << 20), rate = operations / (cpuSeconds() - start);
      best = rate > best ? rate : best;
    } while (cpuSeconds() < end);
    return best * 1e-9;
  }
  return 0;
}

#else

double peakRate(ElementType, double) { return 0; }

#endif

} // namespace vitya
