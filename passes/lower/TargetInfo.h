// What the lowering knows about the processor.
#ifndef VITYA_PASSES_LOWER_TARGETINFO_H
#define VITYA_PASSES_LOWER_TARGETINFO_H

#include <cstdint>

namespace vitya {

/// What the lowering depends on about the processor. The defaults are those of x86-64-v3.
struct TargetInfo {
  int64_t rows = 6;            ///< of a register tile; the default columns fit 16 registers of 8 numbers
  int64_t columns = 16;        ///< of a register tile and of a panel of weights: a multiple of 16
  int64_t vectorBits = 256;    ///< of a register: 256 or 512
  int64_t activationBits = 16; ///< that quantized activations are held in: 8 where there is a dot product of bytes
};

} // namespace vitya

#endif // VITYA_PASSES_LOWER_TARGETINFO_H
