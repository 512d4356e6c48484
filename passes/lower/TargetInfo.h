// The properties of the processor that the lowering depends on.
#ifndef VITYA_PASSES_LOWER_TARGETINFO_H
#define VITYA_PASSES_LOWER_TARGETINFO_H

#include <cstdint>

namespace vitya {

/// The instructions of one architecture that multiply integers and add the products.
enum class InstructionSet {
  x86,     ///< vpmaddubsw, vpmaddwd, vpdpbusd and vdpbf16ps
  sse2,    ///< pmaddwd; there are no fused multiply-adds of f32 either
  neon,    ///< smlal, sadalp and sdot of AArch64
  neonI8mm ///< these and usdot, a dot product of unsigned with signed bytes
};

/// Tile sizes and vector properties of a processor. The defaults are those of x86-64-v3.
struct TargetInfo {
  int64_t rows = 6;            ///< of a register tile; 6 x 16 sums fit into 16 registers of 8 f32 elements
  int64_t columns = 16;        ///< of a register tile and of an inner tile of weights: a multiple of 16
  int64_t vectorBits = 256;    ///< size of a vector register: 256 or 512 with AVX2, else 128
  int64_t activationBits = 16; ///< width of quantized activations: 8 if there is a dot product of bytes, else 16
  bool dotBf16 = false;        ///< whether there is a dot product of bf16, vdpbf16ps
  InstructionSet instructions = InstructionSet::x86;
};

} // namespace vitya

#endif // VITYA_PASSES_LOWER_TARGETINFO_H
