// The dot products of x86.
#include "passes/lower/loops/DotProducts.h"
#include "passes/lower/loops/DotProduct.h"

using namespace mlir;
using namespace vitya::detail;

namespace {

/// On x86, four pairs u8 x s8 are one vpdpbusd; two pairs of 16-bit integers are one vpmaddwd and an addition, and two
/// of bf16 one vdpbf16ps if the processor has it. In a short sum, vpmaddubsw adds the products of adjacent pairs, and
/// vpmaddwd by ones widens and adds adjacent sums. With SSE2 alone, whose registers have 128 bits, multiplications of
/// 16-bit integers take the place of vpmaddubsw.
struct X86DotProduct : DotProduct {
  X86DotProduct(MLIRContext *context, unsigned bits, bool dotBf16) : DotProduct(context, bits), dotBf16(dotBf16) {}

  void addProducts(OpBuilder &builder, Location loc, const Operands &operands, Value lhs, ArrayRef<Value> registers,
                   MutableArrayRef<Value> sums) const override {
    if (operands.factors == Factors::bf16 && !dotBf16)
      return multiplyBf16(builder, loc, operands, lhs, registers, sums);
    auto multiply = operands.factors == Factors::bytes    ? &X86DotProduct::multiplyBytes
                    : operands.factors == Factors::shorts ? &X86DotProduct::multiplyShorts
                                                          : &X86DotProduct::multiplyBf16Pairs;
    for (int64_t row = 0, parts = getParts(operands); row < operands.rows; ++row) {
      Value spread = spreadFactors(builder, loc, operands, lhs, row, /*block=*/0);
      for (int64_t part = 0; part < parts; ++part) {
        Value &sum = sums[row * parts + part];
        sum = (this->*multiply)(builder, loc, sum, spread, registers[part]);
      }
    }
  }

  /// The short sums of up to two blocks are computed one after the other, so that few are alive at a time. With more
  /// blocks there are not enough registers to keep all weights for the next row, so all short sums grow together, block
  /// by block.
  void addShortSums(OpBuilder &builder, Location loc, const Operands &operands, Value lhs, ArrayRef<Value> registers,
                    MutableArrayRef<Value> sums) const override {
    int64_t parts = getParts(operands), stepBlocks = operands.group <= 2 ? operands.group : 1;
    SmallVector<Value> shortSums(sums.size());
    for (int64_t first = 0; first < operands.group; first += stepBlocks)
      for (int64_t row = 0; row < operands.rows; ++row) {
        SmallVector<Value> spread;
        for (int64_t block = first; block < first + stepBlocks; ++block)
          spread.push_back(spreadFactors(builder, loc, operands, lhs, row, block));
        for (int64_t part = 0; part < parts; ++part) {
          Value &shortSum = shortSums[row * parts + part], &sum = sums[row * parts + part];
          for (int64_t block = first; block < first + stepBlocks; ++block) {
            Value products = multiplyPairs(builder, loc, spread[block - first], registers[block * parts + part]);
            shortSum = shortSum ? arith::AddIOp::create(builder, loc, shortSum, products).getResult() : products;
          }
          if (first + stepBlocks == operands.group)
            sum = multiplyShorts(builder, loc, sum, shortSum, createSplat(builder, loc, getShortsType(builder), 1));
        }
      }
  }

private:
  Value multiplyPairs(OpBuilder &builder, Location loc, Value lhs, Value rhs) const {
    if (bits == 128)
      return multiplyPairsOfShorts(builder, loc, lhs, rhs);
    return call(builder, loc, bits == 512 ? "llvm.x86.avx512.pmaddubs.w.512" : "llvm.x86.avx2.pmadd.ub.sw", {lhs, rhs},
                getShortsType(builder));
  }

  /// The sums of the products with the even and with the odd bytes of the operands, each extended to 16 bits.
  Value multiplyPairsOfShorts(OpBuilder &builder, Location loc, Value lhs, Value rhs) const {
    VectorType type = getShortsType(builder);
    Value eight = createSplat(builder, loc, type, 8);
    lhs = vector::BitCastOp::create(builder, loc, type, lhs);
    rhs = vector::BitCastOp::create(builder, loc, type, rhs);
    Value evenLhs = arith::AndIOp::create(builder, loc, lhs, createSplat(builder, loc, type, 0xff));
    Value evenRhs =
        arith::ShRSIOp::create(builder, loc, arith::ShLIOp::create(builder, loc, rhs, eight).getResult(), eight);
    Value oddLhs = arith::ShRUIOp::create(builder, loc, lhs, eight);
    Value oddRhs = arith::ShRSIOp::create(builder, loc, rhs, eight);
    Value even = arith::MulIOp::create(builder, loc, evenLhs, evenRhs);
    Value odd = arith::MulIOp::create(builder, loc, oddLhs, oddRhs);
    return arith::AddIOp::create(builder, loc, even, odd);
  }

  Value multiplyBytes(OpBuilder &builder, Location loc, Value sums, Value lhs, Value rhs) const {
    return call(builder, loc, bits == 512 ? "llvm.x86.avx512.vpdpbusd.512" : "llvm.x86.avx512.vpdpbusd.256",
                {sums, lhs, rhs});
  }

  Value multiplyBf16Pairs(OpBuilder &builder, Location loc, Value sums, Value lhs, Value rhs) const {
    return call(builder, loc, bits == 512 ? "llvm.x86.avx512bf16.dpbf16ps.512" : "llvm.x86.avx512bf16.dpbf16ps.256",
                {sums, lhs, vector::BitCastOp::create(builder, loc, lhs.getType(), rhs)},
                getVectorType(getLanes(), builder.getF32Type()));
  }

  Value multiplyShorts(OpBuilder &builder, Location loc, Value sums, Value lhs, Value rhs) const {
    StringRef intrinsic = bits == 512   ? "llvm.x86.avx512.pmaddw.d.512"
                          : bits == 256 ? "llvm.x86.avx2.pmadd.wd"
                                        : "llvm.x86.sse2.pmadd.wd";
    Value pairs = call(builder, loc, intrinsic, {lhs, rhs});
    return arith::AddIOp::create(builder, loc, sums, pairs);
  }

  bool dotBf16;
};

} // namespace

void vitya::populateDotProductPatterns(RewritePatternSet &patterns, unsigned bits, InstructionSet instructions,
                                       bool dotBf16) {
  if (instructions == InstructionSet::x86 || instructions == InstructionSet::sse2)
    patterns.add<X86DotProduct>(patterns.getContext(), bits, dotBf16);
  else
    populateNeonDotProductPatterns(patterns, bits, instructions == InstructionSet::neonI8mm);
}

bool vitya::isByteDotProduct(LLVM::CallIntrinsicOp call) {
  StringRef name = call.getIntrin();
  return name.contains("vpdpbusd") || name.contains("neon.sdot") || name.contains("neon.usdot");
}
