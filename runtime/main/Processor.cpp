// Processor features by cpuid, and the register-only peak. The one file with instructions of a particular processor.
#include "runtime/main/Processor.h"
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

// Each kernel runs `rounds` rounds of twelve independent chains of fused multiply-adds and returns the operations done.
#define VITYA_FMA_CHAINS(INSTRUCTION, PREFIX)                                                                          \
  for (long round = 0; round < rounds; ++round)                                                                        \
  asm volatile(INSTRUCTION                                                                                             \
               " %%" PREFIX "12, %%" PREFIX "13, %%" PREFIX "0\n" INSTRUCTION " %%" PREFIX "12, %%" PREFIX             \
               "13, %%" PREFIX "1\n" INSTRUCTION " %%" PREFIX "12, %%" PREFIX "13, %%" PREFIX "2\n" INSTRUCTION        \
               " %%" PREFIX "12, %%" PREFIX "13, %%" PREFIX "3\n" INSTRUCTION " %%" PREFIX "12, %%" PREFIX             \
               "13, %%" PREFIX "4\n" INSTRUCTION " %%" PREFIX "12, %%" PREFIX "13, %%" PREFIX "5\n" INSTRUCTION        \
               " %%" PREFIX "12, %%" PREFIX "13, %%" PREFIX "6\n" INSTRUCTION " %%" PREFIX "12, %%" PREFIX             \
               "13, %%" PREFIX "7\n" INSTRUCTION " %%" PREFIX "12, %%" PREFIX "13, %%" PREFIX "8\n" INSTRUCTION        \
               " %%" PREFIX "12, %%" PREFIX "13, %%" PREFIX "9\n" INSTRUCTION " %%" PREFIX "12, %%" PREFIX             \
               "13, %%" PREFIX "10\n" INSTRUCTION " %%" PREFIX "12, %%" PREFIX "13, %%" PREFIX "11\n" ::               \
                   : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11")

__attribute__((target("avx2,fma"))) double chainsYmm(long rounds) {
  asm volatile("vxorps %%ymm0, %%ymm0, %%ymm0\nvxorps %%ymm1, %%ymm1, %%ymm1\nvxorps %%ymm2, %%ymm2, %%ymm2\n"
               "vxorps %%ymm12, %%ymm12, %%ymm12\nvxorps %%ymm13, %%ymm13, %%ymm13\n" ::
                   : "xmm0", "xmm1", "xmm2", "xmm12", "xmm13");
  VITYA_FMA_CHAINS("vfmadd231ps", "ymm");
  return rounds * 12.0 * 8 * 2;
}

__attribute__((target("avx512f"))) double chainsZmm(long rounds) {
  asm volatile("vpxorq %%zmm0, %%zmm0, %%zmm0\nvpxorq %%zmm12, %%zmm12, %%zmm12\nvpxorq %%zmm13, %%zmm13, %%zmm13\n" ::
                   : "xmm0", "xmm12", "xmm13");
  VITYA_FMA_CHAINS("vfmadd231ps", "zmm");
  return rounds * 12.0 * 16 * 2;
}

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

double peakGflops(double duration) {
  double (*kernel)(long) = hasFeature("avx512f", 7) ? chainsZmm : hasFeature("fma", 3) ? chainsYmm : nullptr;
  if (!kernel)
    return 0;
  double best = 0, end = seconds() + duration;
  do {
    double start = seconds(), operations = kernel(1 << 20), rate = operations / (seconds() - start);
    best = rate > best ? rate : best;
  } while (seconds() < end);
  return best * 1e-9;
}

#else

bool hasFeature(const char *, size_t) { return false; }
double peakGflops(double) { return 0; }

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
