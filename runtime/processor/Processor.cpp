// Processor features by cpuid, and the register-only peak. The one file with instructions of a particular processor.
#include "runtime/processor/Processor.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace vitya {

#if defined(__x86_64__)
namespace {

enum Register { eax, ebx, ecx, edx };
enum State { none, ymm = 0x6, zmm = 0xe6 }; ///< bits of XCR0 that the operating system must have set

struct Feature {
  const char *name;
  unsigned leaf, subleaf;
  Register reg;
  unsigned bit;
  State state;
};

constexpr Feature kFeatures[] = {{"cmov", 1, 0, edx, 15, none},
                                 {"sse3", 1, 0, ecx, 0, none},
                                 {"ssse3", 1, 0, ecx, 9, none},
                                 {"fma", 1, 0, ecx, 12, ymm},
                                 {"cx16", 1, 0, ecx, 13, none},
                                 {"sse4.1", 1, 0, ecx, 19, none},
                                 {"sse4.2", 1, 0, ecx, 20, none},
                                 {"movbe", 1, 0, ecx, 22, none},
                                 {"popcnt", 1, 0, ecx, 23, none},
                                 {"avx", 1, 0, ecx, 28, ymm},
                                 {"f16c", 1, 0, ecx, 29, ymm},
                                 {"bmi", 7, 0, ebx, 3, none},
                                 {"avx2", 7, 0, ebx, 5, ymm},
                                 {"bmi2", 7, 0, ebx, 8, none},
                                 {"avx512f", 7, 0, ebx, 16, zmm},
                                 {"avx512dq", 7, 0, ebx, 17, zmm},
                                 {"avx512ifma", 7, 0, ebx, 21, zmm},
                                 {"avx512cd", 7, 0, ebx, 28, zmm},
                                 {"avx512bw", 7, 0, ebx, 30, zmm},
                                 {"avx512vl", 7, 0, ebx, 31, zmm},
                                 {"avx512vbmi", 7, 0, ecx, 1, zmm},
                                 {"avx512vbmi2", 7, 0, ecx, 6, zmm},
                                 {"avx512vnni", 7, 0, ecx, 11, zmm},
                                 {"avx512bitalg", 7, 0, ecx, 12, zmm},
                                 {"avx512vpopcntdq", 7, 0, ecx, 14, zmm},
                                 {"avx512fp16", 7, 0, edx, 23, zmm},
                                 {"avxvnni", 7, 1, eax, 4, ymm},
                                 {"avx512bf16", 7, 1, eax, 5, zmm},
                                 {"lzcnt", 0x80000001, 0, ecx, 5, none}};

unsigned enabledState() {
  unsigned registers[4];
  if (!__get_cpuid(1, &registers[eax], &registers[ebx], &registers[ecx], &registers[edx]) ||
      !(registers[ecx] >> 27 & 1))
    return 0;
  unsigned low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

double seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

// Each kernel runs `rounds` rounds of twelve independent chains and returns the operations done. Registers 0 to 11 hold
// sums, 12 and 13 the operands, which are zero.
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

/// The best kernel for each kind of numbers is the first whose feature is there.
constexpr struct {
  Numbers numbers;
  const char *feature;
  double (*run)(long);
} kKernels[] = {{Numbers::floats, "avx512f", fmaZmm},   {Numbers::floats, "fma", fmaYmm},
                {Numbers::bytes, "avx512vnni", dotZmm}, {Numbers::bytes, "avxvnni", dotYmm},
                {Numbers::bytes, "avx512bw", pairsZmm}, {Numbers::bytes, "avx2", pairsYmm}};

} // namespace

bool hasFeature(const char *name, size_t length) {
  for (const Feature &feature : kFeatures) {
    if (strlen(feature.name) != length || strncmp(feature.name, name, length) != 0)
      continue;
    unsigned registers[4];
    if (!__get_cpuid_count(feature.leaf, feature.subleaf, &registers[eax], &registers[ebx], &registers[ecx],
                           &registers[edx]))
      return false;
    return (registers[feature.reg] >> feature.bit & 1) && (enabledState() & feature.state) == feature.state;
  }
  return false;
}

double peakRate(Numbers numbers, double duration) {
  for (const auto &kernel : kKernels) {
    if (kernel.numbers != numbers || !hasFeature(kernel.feature, strlen(kernel.feature)))
      continue;
    double best = 0, end = seconds() + duration;
    do {
      double start = seconds(), operations = kernel.run(1 << 20), rate = operations / (seconds() - start);
      best = rate > best ? rate : best;
    } while (seconds() < end);
    return best * 1e-9;
  }
  return 0;
}

#else

bool hasFeature(const char *, size_t) { return false; }
double peakRate(Numbers, double) { return 0; }

#endif

bool missingFeatures(const char *features, char *missing, size_t size) {
  bool any = false;
  missing[0] = 0;
  for (const char *name = features; *name;) {
    size_t length = strcspn(name, " ");
    if (length > 0 && !hasFeature(name, length)) {
      size_t used = strlen(missing);
      snprintf(missing + used, size - used, "%s%.*s", any ? " " : "", static_cast<int>(length), name);
      any = true;
    }
    name += length;
    name += *name == ' ';
  }
  return any;
}

} // namespace vitya
