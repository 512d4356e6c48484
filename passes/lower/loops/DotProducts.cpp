// Contractions (m, n, k) of integers in VNNI layout, where k is the blocking factor: the integers that an instruction
// multiplies and adds into one 32-bit sum. Four pairs u8 x s8 are one vpdpbusd; two pairs of 16-bit integers are one
// vpmaddwd and an addition. Both are exact.
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

/// [size] as [1, size].
Value addUnitDim(OpBuilder &builder, Location loc, Value vector) {
  auto type = cast<VectorType>(vector.getType());
  return vector::ShapeCastOp::create(builder, loc, VectorType::get({1, type.getDimSize(0)}, type.getElementType()),
                                     vector);
}

struct DotProduct : OpRewritePattern<vector::ContractionOp> {
  DotProduct(MLIRContext *context, unsigned bits) : OpRewritePattern(context, /*benefit=*/10), bits(bits) {}

  /// What a contraction multiplies: lhs [rows, factor] by rhs [columns, factor].
  struct Operands {
    Value lhs, rhs;
    bool isVector; ///< there is one row, and lhs and the sums have no dimension for it
    bool isBytes;  ///< u8 x s8 with a blocking factor of 4, else s16 x s8 or s16 x s16 with one of 2
    int64_t rows, columns, factor;
  };

  LogicalResult matchAndRewrite(vector::ContractionOp op, PatternRewriter &rewriter) const override {
    FailureOr<Operands> operands = match(op, rewriter);
    if (failed(operands))
      return failure();
    Location loc = op.getLoc();
    Value lhs = operands->lhs, accumulator = op.getAcc();
    if (operands->isVector) {
      lhs = addUnitDim(rewriter, loc, lhs);
      accumulator = addUnitDim(rewriter, loc, accumulator);
    }
    SmallVector<Value> registers = splitRhs(rewriter, loc, *operands);
    Value result = accumulator;
    for (int64_t row = 0; row < operands->rows; ++row) {
      Value factors = vector::ExtractOp::create(rewriter, loc, lhs, ArrayRef<int64_t>{row});
      Value spread = spreadFactors(rewriter, loc, *operands, factors);
      Value sums = vector::ExtractOp::create(rewriter, loc, accumulator, ArrayRef<int64_t>{row});
      sums = multiplyRow(rewriter, loc, *operands, spread, registers, sums);
      result = vector::InsertOp::create(rewriter, loc, sums, result, ArrayRef<int64_t>{row});
    }
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
    AffineExpr m, n, k;
    bindDims(op.getContext(), m, n, k);
    SmallVector<SmallVector<AffineExpr, 4>> matrixMaps{{m, k}, {n, k}, {m, n}}, vectorMaps{{n}, {m, n}, {m}};
    auto hasMaps = [&](ArrayRef<SmallVector<AffineExpr, 4>> maps) {
      return op.getIndexingMapsArray() == ArrayRef(AffineMap::inferFromExprList(maps, op.getContext()));
    };
    bool isVector = hasMaps(vectorMaps);
    if (!isVector && !hasMaps(matrixMaps))
      return rewriter.notifyMatchFailure(op, "expected (m, k) x (n, k) -> (m, n) or (k) x (n, k) -> (n)");
    auto lhsType = cast<VectorType>(lhs.value.getType()), rhsType = cast<VectorType>(rhs.value.getType());
    int64_t factor = lhsType.getShape().back(), columns = sums.getShape().back();
    bool isBytes = lhsType.getElementType().isInteger(8) && !lhs.isSigned && factor == 4 &&
                   rhsType.getElementType().isInteger(8) && rhs.isSigned;
    bool isShorts = lhsType.getElementType().isInteger(16) && lhs.isSigned && factor == 2 && rhs.isSigned;
    if (!isBytes && !isShorts)
      return rewriter.notifyMatchFailure(
          op, "expected u8 x s8 with a blocking factor of 4, or signed 16-bit integers with one of 2");
    if (columns % getLanes() != 0)
      return rewriter.notifyMatchFailure(op, "expected columns that fill whole registers");
    return Operands{lhs.value, rhs.value, isVector, isBytes, isVector ? 1 : sums.getDimSize(0), columns, factor};
  }

  /// The 32-bit sums of a register.
  int64_t getLanes() const { return bits / 32; }

  Type getFactorType(OpBuilder &builder, const Operands &operands) const {
    return operands.isBytes ? builder.getI8Type() : builder.getI16Type();
  }

  /// The right operand as registers, sign-extended to the width of the left one.
  SmallVector<Value> splitRhs(OpBuilder &builder, Location loc, const Operands &operands) const {
    Type element = cast<VectorType>(operands.rhs.getType()).getElementType(), wide = getFactorType(builder, operands);
    int64_t size = getLanes() * operands.factor;
    Value flat = vector::ShapeCastOp::create(builder, loc, getVectorType(operands.columns * operands.factor, element),
                                             operands.rhs);
    SmallVector<Value> registers;
    for (int64_t first = 0; first < operands.columns * operands.factor; first += size) {
      Value part = slice(builder, loc, flat, first, size);
      if (element != wide)
        part = arith::ExtSIOp::create(builder, loc, getVectorType(size, wide), part);
      registers.push_back(part);
    }
    return registers;
  }

  /// The factors of one row of the left operand, which are 32 bits together, in every lane of a register.
  Value spreadFactors(OpBuilder &builder, Location loc, const Operands &operands, Value factors) const {
    Type i32 = builder.getI32Type();
    Value packed = vector::BitCastOp::create(builder, loc, getVectorType(1, i32), factors);
    Value spread = vector::BroadcastOp::create(builder, loc, getVectorType(getLanes(), i32), packed);
    return vector::BitCastOp::create(
        builder, loc, getVectorType(getLanes() * operands.factor, getFactorType(builder, operands)), spread);
  }

  /// Adds the products of one row with all columns to `sums`.
  Value multiplyRow(OpBuilder &builder, Location loc, const Operands &operands, Value spread, ArrayRef<Value> registers,
                    Value sums) const {
    Value updated = sums;
    for (auto [index, weights] : llvm::enumerate(registers)) {
      int64_t first = int64_t(index) * getLanes();
      Value part = slice(builder, loc, sums, first, getLanes());
      part = operands.isBytes ? multiplyBytes(builder, loc, part, spread, weights)
                              : multiplyShorts(builder, loc, part, spread, weights);
      updated = registers.size() == 1 ? part
                                      : vector::InsertStridedSliceOp::create(
                                            builder, loc, part, updated, ArrayRef<int64_t>{first}, ArrayRef<int64_t>{1})
                                            .getResult();
    }
    return updated;
  }

  Value multiplyBytes(OpBuilder &builder, Location loc, Value sums, Value lhs, Value rhs) const {
    return call(builder, loc, bits == 512 ? "llvm.x86.avx512.vpdpbusd.512" : "llvm.x86.avx512.vpdpbusd.256",
                {sums, lhs, rhs});
  }

  Value multiplyShorts(OpBuilder &builder, Location loc, Value sums, Value lhs, Value rhs) const {
    Value pairs =
        call(builder, loc, bits == 512 ? "llvm.x86.avx512.pmaddw.d.512" : "llvm.x86.avx2.pmadd.wd", {lhs, rhs});
    return arith::AddIOp::create(builder, loc, sums, pairs);
  }

  Value call(OpBuilder &builder, Location loc, StringRef intrinsic, ValueRange operands) const {
    return LLVM::CallIntrinsicOp::create(builder, loc, getVectorType(getLanes(), builder.getI32Type()),
                                         builder.getStringAttr(intrinsic), operands)
        .getResult(0);
  }

  unsigned bits;
};

} // namespace

void vitya::populateDotProductPatterns(RewritePatternSet &patterns, unsigned bits) {
  patterns.add<DotProduct>(patterns.getContext(), bits);
}
