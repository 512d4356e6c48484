// The lowering of contractions (m, n, k) of integers or bf16 in VNNI layout, where k is the blocking factor: the
// factors that an instruction multiplies and adds into one 32-bit sum.
//
// Contractions (m, n, k, g) add up short sums of g blocks, each with k = 4 pairs u8 x s8: the products of adjacent
// pairs and of all blocks are added in 16 bits, then widened. This is exact because such contractions are made only if
// the sums are proven to fit.
#ifndef VITYA_PASSES_LOWER_LOOPS_DOTPRODUCT_H
#define VITYA_PASSES_LOWER_LOOPS_DOTPRODUCT_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace vitya::detail {

using namespace mlir;

/// An operand before its extension to i32 or f32. Its value is null if the operand is not an extension.
struct Extended {
  Value value;
  bool isSigned;
};

inline Extended getExtended(Value value) {
  if (auto extension = value.getDefiningOp<arith::ExtUIOp>())
    return {extension.getIn(), false};
  if (auto extension = value.getDefiningOp<arith::ExtSIOp>())
    return {extension.getIn(), true};
  if (auto extension = value.getDefiningOp<arith::ExtFOp>())
    return {extension.getIn(), true};
  return {Value(), false};
}

inline VectorType getVectorType(int64_t size, Type element) { return VectorType::get({size}, element); }

/// `size` elements of the 1-D `vector` from `first` on.
inline Value slice(OpBuilder &builder, Location loc, Value vector, int64_t first, int64_t size) {
  if (cast<VectorType>(vector.getType()).getDimSize(0) == size)
    return vector;
  return vector::ExtractStridedSliceOp::create(builder, loc, vector, ArrayRef<int64_t>{first}, ArrayRef<int64_t>{size},
                                               ArrayRef<int64_t>{1});
}

/// `vector` with the sizes `shape`.
inline Value reshape(OpBuilder &builder, Location loc, Value vector, ArrayRef<int64_t> shape) {
  auto type = cast<VectorType>(vector.getType());
  return vector::ShapeCastOp::create(builder, loc, VectorType::get(shape, type.getElementType()), vector);
}

/// Matches contractions and splits them into registers. Subclasses multiply and add these.
struct DotProduct : OpRewritePattern<vector::ContractionOp> {
  DotProduct(MLIRContext *context, unsigned bits) : OpRewritePattern(context, /*benefit=*/10), bits(bits) {}
  virtual ~DotProduct() = default;

  /// What is multiplied.
  enum class Factors {
    bytes,  ///< u8 x s8, with a blocking factor of 4
    shorts, ///< s16 x s8 or s16 x s16, with one of 2
    bf16    ///< bf16 x bf16, with one of 2
  };

  /// What a contraction multiplies: lhs [rows, group, factor] by rhs [group, columns, factor]. Both lack the group
  /// unless there are short sums.
  struct Operands {
    Value lhs, rhs;
    bool isVector; ///< there is one row, and lhs and the sums have no dimension for it
    Factors factors;
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
      return rewriter.notifyMatchFailure(op, "expected operands that are extended to i32 or f32");
    if (!sums || op.getKind() != vector::CombiningKind::ADD)
      return rewriter.notifyMatchFailure(op, "expected a vector of sums");
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
    std::optional<Factors> factors = getFactors(lhs, rhs, factor);
    if (!factors || (isShortSums && factors != Factors::bytes))
      return rewriter.notifyMatchFailure(
          op, "expected u8 x s8 with a blocking factor of 4, or signed 16-bit integers or bf16 with one of 2");
    if (columns % getLanes() != 0)
      return rewriter.notifyMatchFailure(op, "expected columns that fill whole registers");
    return Operands{lhs.value,
                    rhs.value,
                    isVector,
                    *factors,
                    isShortSums,
                    isVector ? 1 : sums.getDimSize(0),
                    isShortSums ? rhsType.getDimSize(0) : 1,
                    columns,
                    factor};
  }

  /// What is multiplied; nothing if no instructions do.
  static std::optional<Factors> getFactors(const Extended &lhs, const Extended &rhs, int64_t factor) {
    Type left = cast<VectorType>(lhs.value.getType()).getElementType(),
         right = cast<VectorType>(rhs.value.getType()).getElementType();
    if (left.isInteger(8) && !lhs.isSigned && right.isInteger(8) && rhs.isSigned && factor == 4)
      return Factors::bytes;
    if (left.isInteger(16) && lhs.isSigned && right.isInteger() && rhs.isSigned && factor == 2)
      return Factors::shorts;
    return left.isBF16() && right.isBF16() && factor == 2 ? std::optional(Factors::bf16) : std::nullopt;
  }

  /// The 32-bit sums of a register.
  int64_t getLanes() const { return bits / 32; }

  Type getFactorType(OpBuilder &builder, const Operands &operands) const {
    switch (operands.factors) {
    case Factors::bytes:
      return builder.getI8Type();
    case Factors::shorts:
      return builder.getI16Type();
    case Factors::bf16:
      return builder.getBF16Type();
    }
    llvm_unreachable("every kind is handled");
  }

  /// The right operand as registers, block by block. Integers are sign-extended to the width of the left one; pairs of
  /// bf16 are i32, because LLVM splits vectors of bf16 element by element on most processors.
  SmallVector<Value> splitRhs(OpBuilder &builder, Location loc, const Operands &operands) const {
    Type element = cast<VectorType>(operands.rhs.getType()).getElementType(), wide = getFactorType(builder, operands);
    int64_t size = getLanes() * operands.factor;
    int64_t elements = operands.group * operands.columns * operands.factor;
    Value flat = reshape(builder, loc, operands.rhs, elements);
    if (operands.factors == Factors::bf16) {
      size /= operands.factor;
      elements /= operands.factor;
      element = wide = builder.getI32Type();
      flat = vector::BitCastOp::create(builder, loc, getVectorType(elements, wide), flat);
    }
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

  /// Adds the products of all rows with all columns of bf16 to `sums`, as two fused multiply-adds of f32: first those
  /// of the second factors of all pairs, then those of the first ones, in the order of vdpbf16ps.
  void multiplyBf16(OpBuilder &builder, Location loc, const Operands &operands, Value lhs, ArrayRef<Value> registers,
                    MutableArrayRef<Value> sums) const {
    for (bool isSecond : {true, false}) {
      auto widen = [&](Value pairs) { return widenBf16(builder, loc, pairs, isSecond); };
      SmallVector<Value> weights = llvm::map_to_vector(registers, widen);
      for (int64_t row = 0, parts = getParts(operands); row < operands.rows; ++row) {
        Value spread = widen(spreadFactors(builder, loc, operands, lhs, row, /*block=*/0));
        for (int64_t part = 0; part < parts; ++part) {
          Value &sum = sums[row * parts + part];
          sum = vector::FMAOp::create(builder, loc, spread, weights[part], sum);
        }
      }
    }
  }

  /// The first or second elements of the pairs of bf16 in a register, as f32, whose high half bf16 is.
  Value widenBf16(OpBuilder &builder, Location loc, Value pairs, bool isSecond) const {
    VectorType words = getVectorType(getLanes(), builder.getI32Type());
    Value bits = vector::BitCastOp::create(builder, loc, words, pairs);
    if (isSecond)
      bits = arith::AndIOp::create(builder, loc, bits, createSplat(builder, loc, words, -(1 << 16)));
    else
      bits = arith::ShLIOp::create(builder, loc, bits, createSplat(builder, loc, words, 16));
    return vector::BitCastOp::create(builder, loc, getVectorType(getLanes(), builder.getF32Type()), bits);
  }

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

} // namespace vitya::detail

#endif // VITYA_PASSES_LOWER_LOOPS_DOTPRODUCT_H
