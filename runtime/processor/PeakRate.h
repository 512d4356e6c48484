// The arithmetic throughput that no code on this processor can exceed.
#ifndef VITYA_RUNTIME_PROCESSOR_PEAKRATE_H
#define VITYA_RUNTIME_PROCESSOR_PEAKRATE_H

#include "runtime/Abi.h"

namespace vitya {

/// Kinds of multiply-adds: f32 or bf16 products accumulated in f32, 8-bit products accumulated in 32 bits, or 8-bit
/// products accumulated in 16 bits over 1, 2, 4 or 8 blocks of four columns, then in 32 bits.
enum class MultiplyAdd {
  f32 = VITYA_F32,
  i8 = VITYA_I8,
  shortSums1 = VITYA_SHORT_SUMS_1,
  shortSums2 = VITYA_SHORT_SUMS_2,
  shortSums4 = VITYA_SHORT_SUMS_4,
  shortSums8 = VITYA_SHORT_SUMS_8,
  bf16 = VITYA_BF16
};

/// Runs independent multiply-adds on registers for about `seconds` of CPU time and returns the best rate of the calling
/// thread in 10^9 operations per second; a multiply-add is two operations. f32 uses fused multiply-adds if there are
/// any, and so does bf16 without a dot product of its own; i8 uses the widest exact instruction available, a dot
/// product of bytes or of pairs of 16-bit integers; short sums use the former or else products of bytes that are added
/// in pairs. Returns 0 if the processor has none of the supported instructions.
double peakRate(MultiplyAdd kind, double seconds);

/// Copies memory within the L1 cache for about `seconds` of CPU time and returns the best rate of the calling thread in
/// 10^9 bytes per second, where bytes that are read and bytes that are written both count.
double copyRate(double seconds);

} // namespace vitya

#endif // VITYA_RUNTIME_PROCESSOR_PEAKRATE_H
