// Detects processor features: with the cpuid instruction on x86-64, from the kernel's auxiliary vector on AArch64.
// Other processors report none.
#include "runtime/processor/Features.h"
#include <stdio.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace vitya {

#if defined(__x86_64__)
namespace {

enum Register { eax, ebx, ecx, edx };
/// Bits of XCR0 that the operating system sets if it saves the vector registers of this width.
enum State { none, ymm = 0x6, zmm = 0xe6 };

/// Where cpuid reports an extension, and the register state that the extension needs.
struct Feature {
  const char *name;
  unsigned leaf, subleaf;
  Register reg;
  unsigned bit;
  State state;
};

constexpr Feature kFeatures[] = {{"cmov", 1, 0, edx, 15, none},        {"sse2", 1, 0, edx, 26, none},
                                 {"sse3", 1, 0, ecx, 0, none},         {"ssse3", 1, 0, ecx, 9, none},
                                 {"fma", 1, 0, ecx, 12, ymm},          {"cx16", 1, 0, ecx, 13, none},
                                 {"sse4.1", 1, 0, ecx, 19, none},      {"sse4.2", 1, 0, ecx, 20, none},
                                 {"movbe", 1, 0, ecx, 22, none},       {"popcnt", 1, 0, ecx, 23, none},
                                 {"avx", 1, 0, ecx, 28, ymm},          {"f16c", 1, 0, ecx, 29, ymm},
                                 {"bmi", 7, 0, ebx, 3, none},          {"avx2", 7, 0, ebx, 5, ymm},
                                 {"bmi2", 7, 0, ebx, 8, none},         {"avx512f", 7, 0, ebx, 16, zmm},
                                 {"avx512dq", 7, 0, ebx, 17, zmm},     {"avx512ifma", 7, 0, ebx, 21, zmm},
                                 {"avx512cd", 7, 0, ebx, 28, zmm},     {"avx512bw", 7, 0, ebx, 30, zmm},
                                 {"avx512vl", 7, 0, ebx, 31, zmm},     {"avx512vbmi", 7, 0, ecx, 1, zmm},
                                 {"avx512vbmi2", 7, 0, ecx, 6, zmm},   {"avx512vnni", 7, 0, ecx, 11, zmm},
                                 {"avx512bitalg", 7, 0, ecx, 12, zmm}, {"avx512vpopcntdq", 7, 0, ecx, 14, zmm},
                                 {"avx512fp16", 7, 0, edx, 23, zmm},   {"avxvnni", 7, 1, eax, 4, ymm},
                                 {"avx512bf16", 7, 1, eax, 5, zmm},    {"lzcnt", 0x80000001, 0, ecx, 5, none}};

/// The low half of XCR0, or 0 if the operating system does not use XSAVE.
unsigned enabledState() {
  unsigned registers[4];
  if (!__get_cpuid(1, &registers[eax], &registers[ebx], &registers[ecx], &registers[edx]) ||
      !(registers[ecx] >> 27 & 1))
    return 0;
  unsigned low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
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

#elif defined(__aarch64__)

bool hasFeature(const char *name, size_t length) {
  /// The bit of an extension in one of the two words of the auxiliary vector
  /// (docs.kernel.org/arch/arm64/elf_hwcaps.html).
  constexpr struct {
    const char *name;
    unsigned long word, bit;
  } kFeatures[] = {{"lse", AT_HWCAP, HWCAP_ATOMICS},      {"rdm", AT_HWCAP, HWCAP_ASIMDRDM},
                   {"fullfp16", AT_HWCAP, HWCAP_ASIMDHP}, {"dotprod", AT_HWCAP, HWCAP_ASIMDDP},
                   {"complxnum", AT_HWCAP, HWCAP_FCMA},   {"bf16", AT_HWCAP2, HWCAP2_BF16},
                   {"i8mm", AT_HWCAP2, HWCAP2_I8MM}};
  for (const auto &feature : kFeatures)
    if (strlen(feature.name) == length && strncmp(feature.name, name, length) == 0)
      return getauxval(feature.word) & feature.bit;
  return false;
}

#else

bool hasFeature(const char *, size_t) { return false; }

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
