// The dot products of AArch64.
#include "passes/lower/loops/DotProduct.h"
#include "passes/lower/loops/DotProducts.h"

using namespace mlir;
using namespace vitya::detail;

namespace {

/// On AArch64, four pairs u8 x s8 are one usdot, where the processor has it. sdot and smull multiply signed bytes only,
/// so they multiply the activations minus 128, whose bits are those of the activations except for the sign, and 128
/// times the sum of the weights is added. Two pairs of 16-bit integers are two smlal.
struct NeonDotProduct : DotProduct {
  NeonDotProduct(MLIRContext *context, unsigned bits, bool hasI8mm) : DotProduct(context, bits), hasI8mm(hasI8mm) {}

  void addProducts(OpBuilder &builder, Location loc, const Operands &operands, Value lhs, ArrayRef<Value> registers,
                   MutableArrayRef<Value> sums) const override {
    if (operands.factors == Factors::bf16)
      return multiplyBf16(builder, loc, operands, lhs, registers, sums);
    if (operands.factors == Factors::shorts)
      return addShorts(builder, loc, operands, lhs, registers, sums);
    int64_t parts = getParts(operands);
    SmallVector<Value> corrections; // -128 times the sums of the weights
    if (!hasI8mm)
      for (Value weights : registers)
        corrections.push_back(call(builder, loc, kSdot,
                                   {createSplat(builder, loc, getVectorType(getLanes(), builder.getI32Type()), 0),
                                    weights, createSplat(builder, loc, getBytesType(builder), -128)}));
    for (int64_t row = 0; row < operands.rows; ++row) {
      Value spread = spreadFactors(builder, loc, operands, lhs, row, /*block=*/0);
      if (!hasI8mm)
        spread = subtract128(builder, loc, spread);
      for (int64_t part = 0; part < parts; ++part) {
        Value &sum = sums[row * parts + part];
        if (hasI8mm) {
          sum = call(builder, loc, "llvm.aarch64.neon.usdot.v4i32.v16i8", {sum, spread, registers[part]});
          continue;
        }
        sum = arith::SubIOp::create(builder, loc, sum, corrections[part]);
        sum = call(builder, loc, kSdot, {sum, registers[part], spread});
      }
    }
  }

  /// The sums are computed one after the other. They are short only from block to block: that of a pair may exceed 16
  /// bits until the correction is added, which is the same modulo 2^16.
  void addShortSums(OpBuilder &builder, Location loc, const Operands &operands, Value lhs, ArrayRef<Value> registers,
                    MutableArrayRef<Value> sums) const override {
    int64_t parts = getParts(operands);
    VectorType shorts = getShortsType(builder);
    SmallVector<Value> spread;
    for (int64_t row = 0; row < operands.rows; ++row)
      for (int64_t block = 0; block < operands.group; ++block)
        spread.push_back(subtract128(builder, loc, spreadFactors(builder, loc, operands, lhs, row, block)));
    for (int64_t part = 0; part < parts; ++part) {
      Value weightSums;
      for (int64_t block = 0; block < operands.group; ++block)
        weightSums =
            add(builder, loc, weightSums,
                call(builder, loc, "llvm.aarch64.neon.saddlp.v8i16.v16i8", registers[block * parts + part], shorts));
      Value correction =
          arith::ShLIOp::create(builder, loc, weightSums, createSplat(builder, loc, shorts, /*log2(128)=*/7));
      for (int64_t row = 0; row < operands.rows; ++row) {
        Value halves[2]; // the sums of the products with the first and the last two of four columns
        for (int64_t block = 0; block < operands.group; ++block)
          for (int64_t half : {0, 1}) {
            auto bytes = [&](Value value) { return slice(builder, loc, value, half * 8, 8); };
            halves[half] = add(
                builder, loc, halves[half],
                call(builder, loc, "llvm.aarch64.neon.smull.v8i16",
                     {bytes(registers[block * parts + part]), bytes(spread[row * operands.group + block])}, shorts));
          }
        Value pairs = call(builder, loc, "llvm.aarch64.neon.addp.v8i16", {halves[0], halves[1]}, shorts);
        pairs = arith::AddIOp::create(builder, loc, pairs, correction);
        Value &sum = sums[row * parts + part];
        sum =
            arith::AddIOp::create(builder, loc, sum, call(builder, loc, "llvm.aarch64.neon.saddlp.v4i32.v8i16", pairs));
      }
    }
  }

private:
  static constexpr StringLiteral kSdot = "llvm.aarch64.neon.sdot.v4i32.v16i8";

  /// Adds the products of pairs of 16-bit integers: first those with the even, then those with the odd weights.
  void addShorts(OpBuilder &builder, Location loc, const Operands &operands, Value lhs, ArrayRef<Value> registers,
                 MutableArrayRef<Value> sums) const {
    int64_t parts = getParts(operands);
    VectorType half = getVectorType(getLanes(), builder.getI16Type());
    SmallVector<std::array<Value, 2>> weights;
    for (Value pairs : registers) {
      auto every = [&](int64_t first) -> Value {
        SmallVector<int64_t> mask;
        for (int64_t lane = 0; lane < getLanes(); ++lane)
          mask.push_back(2 * lane + first);
        return vector::ShuffleOp::create(builder, loc, pairs, pairs, mask);
      };
      weights.push_back({every(0), every(1)});
    }
    for (int64_t row = 0; row < operands.rows; ++row)
      for (int64_t factor : {0, 1}) {
        Value scalar = vector::ExtractOp::create(builder, loc, lhs, ArrayRef<int64_t>{row, 0, factor});
        Value spread = vector::BroadcastOp::create(builder, loc, half, scalar);
        for (int64_t part = 0; part < parts; ++part)
          sums[row * parts + part] =
              add(builder, loc, sums[row * parts + part],
                  call(builder, loc, "llvm.aarch64.neon.smull.v4i32", {weights[part][factor], spread}));
      }
  }

  VectorType getBytesType(OpBuilder &builder) const { return getVectorType(4 * getLanes(), builder.getI8Type()); }

  /// The unsigned bytes of a register minus 128, as signed bytes.
  Value subtract128(OpBuilder &builder, Location loc, Value bytes) const {
    return arith::XOrIOp::create(builder, loc, bytes, createSplat(builder, loc, getBytesType(builder), -128));
  }

  /// `sum` + `value`, or `value` if there is no sum yet.
  static Value add(OpBuilder &builder, Location loc, Value sum, Value value) {
    return sum ? arith::AddIOp::create(builder, loc, sum, value).getResult() : value;
  }

  bool hasI8mm;
};

} // namespace

void vitya::populateNeonDotProductPatterns(RewritePatternSet &patterns, unsigned bits, bool hasI8mm) {
  patterns.add<NeonDotProduct>(patterns.getContext(), bits, hasI8mm);
}
