// Contractions (m, n, k) of integers in VNNI layout, where k is the blocking factor: the integers that an instruction
// multiplies and adds into one 32-bit sum.
//
// Contractions (m, n, k, g) add up short sums of g blocks, each with k = 4 pairs u8 x s8: the products of adjacent
// pairs and of all blocks are added in 16 bits, then widened. This is exact because such contractions are made only if
// the sums are proven to fit.
#include "passes/lower/loops/DotProducts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace {

/// An operand before its extension to i32. Its value is null if the operand is not an extension.
struct Extended {
  Value value;
  bool isSigned;
};

Extended getExtended(Value value) {
  if (auto extension = value.getDefiningOp<arith::ExtUIOp>())
    return {extension.getIn(), false};
  if (auto extension = value.getDefiningOp<arith::ExtSIOp>())
    return {extension.getIn(), true};
  return {Value(), false};
}

VectorType getVectorType(int64_t size, Type element) { return VectorType::get({size}, element); }

/// `size` elements of the 1-D `vector` from `first` on.
Value slice(OpBuilder &builder, Location loc, Value vector, int64_t first, int64_t size) {
  if (cast<VectorType>(vector.getType()).getDimSize(0) == size)
    return vector;
  return vector::ExtractStridedSliceOp::create(builder, loc, vector, ArrayRef<int64_t>{first}, ArrayRef<int64_t>{size},
                                               ArrayRef<int64_t>{1});
}

/// `vector` with the sizes `shape`.
Value reshape(OpBuilder &builder, Location loc, Value vector, ArrayRef<int64_t> shape) {
  auto type = cast<VectorType>(vector.getType());
  return vector::ShapeCastOp::create(builder, loc, VectorType::get(shape, type.getElementType()), vector);
}

/// Matches contractions and splits them into registers. The classes below multiply and add these.
struct DotProduct : OpRewritePattern<vector::ContractionOp> {
  DotProduct(MLIRContext *context, unsigned bits) : OpRewritePattern(context, /*benefit=*/10), bits(bits) {}
  virtual ~DotProduct() = default;

  /// What a contraction multiplies: lhs [rows, group, factor] by rhs [group, columns, factor]. Both lack the group
  /// unless there are short sums.
  struct Operands {
    Value lhs, rhs;
    bool isVector;    ///< there is one row, and lhs and the sums have no dimension for it
    bool isBytes;     ///< u8 x s8 with a blocking factor of 4, else s16 x s8 or s16 x s16 with one of 2
    bool isShortSums; ///< short sums of `group` blocks
    int64_t rows, group, columns, factor;
  };

  LogicalResult matchAndRewrite(vector::ContractionOp op, PatternRewriter &rewriter) const override {
    FailureOr<Operands> operands = match(op, rewriter);
    if (failed(operands))
      return failure();
    Location loc = op.getLoc();
    Value lhs = reshape(rewriter, loc, operands->lhs, {operands->rows, operands->group, operands->factor});
    Value accumulator = reshape(rewriter, loc, op.getAcc(), {operands->rows, operands->columns});
    SmallVector<Value> registers = splitRhs(rewriter, loc, *operands);
    SmallVector<Value> sums = splitSums(rewriter, loc, *operands, accumulator);
    if (operands->isShortSums)
      addShortSums(rewriter, loc, *operands, lhs, registers, sums);
    else
      addProducts(rewriter, loc, *operands, lhs, registers, sums);
    Value result = joinSums(rewriter, loc, *operands, sums, accumulator);
    if (operands->isVector)
      result = vector::ShapeCastOp::create(rewriter, loc, op.getAccType(), result);
    rewriter.replaceOp(op, result);
    return success();
  }

  FailureOr<Operands> match(vector::ContractionOp op, PatternRewriter &rewriter) const {
    Extended lhs = getExtended(op.getLhs()), rhs = getExtended(op.getRhs());
    auto sums = dyn_cast<VectorType>(op.getAccType());
    if (!lhs.value || !rhs.value)
      return rewriter.notifyMatchFailure(op, "expected operands that are extended to i32");
    if (!sums || op.getKind() != vector::CombiningKind::ADD || !sums.getElementType().isInteger(32))
      return rewriter.notifyMatchFailure(op, "expected a vector of i32 sums");
    AffineExpr a, b, c, d;
    bindDims(op.getContext(), a, b, c, d);
    auto hasMaps = [&](ArrayRef<SmallVector<AffineExpr, 4>> maps) {
      return op.getIndexingMapsArray() == ArrayRef(AffineMap::inferFromExprList(maps, op.getContext()));
    };
    bool isShortVector = hasMaps({{c, b}, {c, a, b}, {a}}), isShortMatrix = hasMaps({{a, d, c}, {d, b, c}, {a, b}});
    bool isVector = isShortVector || hasMaps({{b}, {a, b}, {a}});
    bool isShortSums = isShortVector || isShortMatrix;
    if (!isVector && !isShortMatrix && !hasMaps({{a, c}, {b, c}, {a, b}}))
      return rewriter.notifyMatchFailure(op, "expected (m, k) x (n, k) -> (m, n) or (m, g, k) x (g, n, k) -> (m, n), "
                                             "with or without m");
    auto lhsType = cast<VectorType>(lhs.value.getType()), rhsType = cast<VectorType>(rhs.value.getType());
    int64_t factor = lhsType.getShape().back(), columns = sums.getShape().back();
    bool isBytes = lhsType.getElementType().isInteger(8) && !lhs.isSigned && factor == 4 &&
                   rhsType.getElementType().isInteger(8) && rhs.isSigned;
    bool isShorts = lhsType.getElementType().isInteger(16) && lhs.isSigned && factor == 2 && rhs.isSigned;
    if (!isBytes && (!isShorts || isShortSums))
      return rewriter.notifyMatchFailure(
          op, "expected u8 x s8 with a blocking factor of 4, or signed 16-bit integers with one of 2");
    if (columns % getLanes() != 0)
      return rewriter.notifyMatchFailure(op, "expected columns that fill whole registers");
    return Operands{lhs.value,
                    rhs.value,
                    isVector,
                    isBytes,
                    isShortSums,
                    isVector ? 1 : sums.getDimSize(0),
                    isShortSums ? rhsType.getDimSize(0) : 1,
                    columns,
                    factor};
  }

  /// The 32-bit sums of a register.
  int64_t getLanes() const { return bits / 32; }

  Type getFactorType(OpBuilder &builder, const Operands &operands) const {
    return operands.isBytes ? builder.getI8Type() : builder.getI16Type();
  }

  /// The right operand as registers, block by block, sign-extended to the width of the left one.
  SmallVector<Value> splitRhs(OpBuilder &builder, Location loc, const Operands &operands) const {
    Type element = cast<VectorType>(operands.rhs.getType()).getElementType(), wide = getFactorType(builder, operands);
    int64_t size = getLanes() * operands.factor;
    int64_t elements = operands.group * operands.columns * operands.factor;
    Value flat = reshape(builder, loc, operands.rhs, elements);
    SmallVector<Value> registers;
    for (int64_t first = 0; first < elements; first += size) {
      Value part = slice(builder, loc, flat, first, size);
      if (element != wide)
        part = arith::ExtSIOp::create(builder, loc, getVectorType(size, wide), part);
      registers.push_back(part);
    }
    return registers;
  }

  /// The factors of one block of a row of the left operand, which are 32 bits together, in every lane of a register.
  Value spreadFactors(OpBuilder &builder, Location loc, const Operands &operands, Value lhs, int64_t row,
                      int64_t block) const {
    Value factors = vector::ExtractOp::create(builder, loc, lhs, ArrayRef<int64_t>{row, block});
    Type i32 = builder.getI32Type();
    Value packed = vector::BitCastOp::create(builder, loc, getVectorType(1, i32), factors);
    Value spread = vector::BroadcastOp::create(builder, loc, getVectorType(getLanes(), i32), packed);
    return vector::BitCastOp::create(
        builder, loc, getVectorType(getLanes() * operands.factor, getFactorType(builder, operands)), spread);
  }

  /// The registers of a row of sums.
  int64_t getParts(const Operands &operands) const { return operands.columns / getLanes(); }

  /// The accumulator as registers, row by row.
  SmallVector<Value> splitSums(OpBuilder &builder, Location loc, const Operands &operands, Value accumulator) const {
    SmallVector<Value> sums;
    for (int64_t row = 0; row < operands.rows; ++row) {
      Value whole = vector::ExtractOp::create(builder, loc, accumulator, ArrayRef<int64_t>{row});
      for (int64_t part = 0; part < getParts(operands); ++part)
        sums.push_back(slice(builder, loc, whole, part * getLanes(), getLanes()));
    }
    return sums;
  }

  /// The accumulator with the registers `sums`.
  Value joinSums(OpBuilder &builder, Location loc, const Operands &operands, ArrayRef<Value> sums,
                 Value accumulator) const {
    for (int64_t row = 0, parts = getParts(operands); row < operands.rows; ++row) {
      Value whole = sums[row * parts];
      if (parts > 1) {
        whole = vector::ExtractOp::create(builder, loc, accumulator, ArrayRef<int64_t>{row});
        for (int64_t part = 0; part < parts; ++part)
          whole = vector::InsertStridedSliceOp::create(builder, loc, sums[row * parts + part], whole,
                                                       ArrayRef<int64_t>{part * getLanes()}, ArrayRef<int64_t>{1});
      }
      accumulator = vector::InsertOp::create(builder, loc, whole, accumulator, ArrayRef<int64_t>{row});
    }
    return accumulator;
  }

  /// Adds the products of all rows with all columns to `sums`.
  virtual void addProducts(OpBuilder &builder, Location loc, const Operands &operands, Value lhs,
                           ArrayRef<Value> registers, MutableArrayRef<Value> sums) const = 0;

  /// Adds the short sums of all rows and columns to `sums`.
  virtual void addShortSums(OpBuilder &builder, Location loc, const Operands &operands, Value lhs,
                            ArrayRef<Value> registers, MutableArrayRef<Value> sums) const = 0;

  VectorType getShortsType(OpBuilder &builder) const { return getVectorType(2 * getLanes(), builder.getI16Type()); }

  /// `value` in all elements of `type`.
  static Value createSplat(OpBuilder &builder, Location loc, VectorType type, int64_t value) {
    auto element = builder.getIntegerAttr(type.getElementType(), value);
    return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, element));
  }

  /// A call of `intrinsic`, whose result is of type `type`, by default a register of 32-bit sums.
  Value call(OpBuilder &builder, Location loc, StringRef intrinsic, ValueRange operands, VectorType type = {}) const {
    if (!type)
      type = getVectorType(getLanes(), builder.getI32Type());
    return LLVM::CallIntrinsicOp::create(builder, loc, type, builder.getStringAttr(intrinsic), operands).getResult(0);
  }

  unsigned bits;
};

/// On x86, four pairs u8 x s8 are one vpdpbusd; two pairs of 16-bit integers are one vpmaddwd and an addition. In a
/// short sum, vpmaddubsw adds the products of adjacent pairs, and vpmaddwd by ones widens and adds adjacent sums. With
/// SSE2 alone, whose registers have 128 bits, multiplications of 16-bit integers take the place of vpmaddubsw.
struct X86DotProduct : DotProduct {
  using DotProduct::DotProduct;

  void addProducts(OpBuilder &builder, Location loc, const Operands &operands, Value lhs, ArrayRef<Value> registers,
                   MutableArrayRef<Value> sums) const override {
    for (int64_t row = 0, parts = getParts(operands); row < operands.rows; ++row) {
      Value spread = spreadFactors(builder, loc, operands, lhs, row, /*block=*/0);
      for (int64_t part = 0; part < parts; ++part) {
        Value &sum = sums[row * parts + part];
        sum = operands.isBytes ? multiplyBytes(builder, loc, sum, spread, registers[part])
                               : multiplyShorts(builder, loc, sum, spread, registers[part]);
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

  Value multiplyShorts(OpBuilder &builder, Location loc, Value sums, Value lhs, Value rhs) const {
    StringRef intrinsic = bits == 512   ? "llvm.x86.avx512.pmaddw.d.512"
                          : bits == 256 ? "llvm.x86.avx2.pmadd.wd"
                                        : "llvm.x86.sse2.pmadd.wd";
    Value pairs = call(builder, loc, intrinsic, {lhs, rhs});
    return arith::AddIOp::create(builder, loc, sums, pairs);
  }
};

/// On AArch64, four pairs u8 x s8 are one usdot, where the processor has it. sdot and smull multiply signed bytes only,
/// so they multiply the activations minus 128, whose bits are those of the activations except for the sign, and 128
/// times the sum of the weights is added. Two pairs of 16-bit integers are two smlal.
struct NeonDotProduct : DotProduct {
  NeonDotProduct(MLIRContext *context, unsigned bits, bool hasI8mm) : DotProduct(context, bits), hasI8mm(hasI8mm) {}

  void addProducts(OpBuilder &builder, Location loc, const Operands &operands, Value lhs, ArrayRef<Value> registers,
                   MutableArrayRef<Value> sums) const override {
    if (!operands.isBytes)
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

void vitya::populateDotProductPatterns(RewritePatternSet &patterns, unsigned bits, InstructionSet instructions) {
  if (instructions == InstructionSet::x86 || instructions == InstructionSet::sse2)
    patterns.add<X86DotProduct>(patterns.getContext(), bits);
  else
    patterns.add<NeonDotProduct>(patterns.getContext(), bits, instructions == InstructionSet::neonI8mm);
}

bool vitya::isByteDotProduct(LLVM::CallIntrinsicOp call) {
  StringRef name = call.getIntrin();
  return name.contains("vpdpbusd") || name.contains("neon.sdot") || name.contains("neon.usdot");
}
