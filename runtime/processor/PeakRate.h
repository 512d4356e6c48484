// The arithmetic throughput that no code on this processor can exceed.
#ifndef VITYA_RUNTIME_PROCESSOR_PEAKRATE_H
#define VITYA_RUNTIME_PROCESSOR_PEAKRATE_H

namespace vitya {

/// Element types of multiply-adds: f32 products accumulated in f32, or 8-bit products accumulated in 32 bits.
enum class ElementType { f32, i8 };

/// Runs independent multiply-adds on registers for about `seconds` of CPU time and returns the best rate of the calling
/// thread in 10^9 operations per second; a multiply-add is two operations. f32 uses fused multiply-adds; i8 uses the
/// widest exact instruction available, a dot product of bytes or of pairs of 16-bit integers. Returns 0 if the
/// processor has none of the supported instructions.
double peakRate(ElementType type, double seconds);

} // namespace vitya

#endif // VITYA_RUNTIME_PROCESSOR_PEAKRATE_H
