// Contractions of integers to the processor's dot products. A contraction (m, n, k) of 8-bit integers that stand side
// by side in groups of 4 becomes vpdpbusd, one of 16-bit integers in groups of 2 vpmaddwd and a sum: both are exact.
#include "passes/lower/kernels/DotProducts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace {

/// The operand of an extension to i32, and whether it has a sign.
std::pair<Value, bool> beforeExtension(Value value) {
  if (auto unsignedExtension = value.getDefiningOp<arith::ExtUIOp>())
    return {unsignedExtension.getIn(), false};
  if (auto signedExtension = value.getDefiningOp<arith::ExtSIOp>())
    return {signedExtension.getIn(), true};
  return {};
}

struct DotProduct : OpRewritePattern<vector::ContractionOp> {
  DotProduct(MLIRContext *context, unsigned bits) : OpRewritePattern(context, /*benefit=*/10), bits(bits) {}

  LogicalResult matchAndRewrite(vector::ContractionOp op, PatternRewriter &rewriter) const override {
    auto [left, leftSigned] = beforeExtension(op.getLhs());
    auto [right, rightSigned] = beforeExtension(op.getRhs());
    auto sums = dyn_cast<VectorType>(op.getAccType());
    if (!left || !right || !sums || op.getKind() != vector::CombiningKind::ADD || !sums.getElementType().isInteger(32))
      return rewriter.notifyMatchFailure(op, "expected extensions to i32 and a vector of sums");
    // One row has no loop of its own.
    AffineExpr m, n, k;
    bindDims(op.getContext(), m, n, k);
    SmallVector<SmallVector<AffineExpr, 4>> maps{{m, k}, {n, k}, {m, n}}, rowMaps{{n}, {m, n}, {m}};
    bool isRow = op.getIndexingMapsArray() == ArrayRef(AffineMap::inferFromExprList(rowMaps, op.getContext()));
    if (!isRow && op.getIndexingMapsArray() != ArrayRef(AffineMap::inferFromExprList(maps, op.getContext())))
      return rewriter.notifyMatchFailure(op, "expected (m, k) x (n, k) -> (m, n) or (k) x (n, k) -> (n)");
    Location loc = op.getLoc();
    auto asRow = [&](Value vector) -> Value {
      auto type = cast<VectorType>(vector.getType());
      auto row = VectorType::get({1, type.getDimSize(0)}, type.getElementType());
      return isRow ? vector::ShapeCastOp::create(rewriter, loc, row, vector).getResult() : vector;
    };
    auto leftType = cast<VectorType>(left.getType()), rightType = cast<VectorType>(right.getType());
    int64_t rows = isRow ? 1 : sums.getDimSize(0);
    int64_t group = leftType.getShape().back(), columns = sums.getShape().back(), lanes = bits / 32;
    bool isBytes = leftType.getElementType().isInteger(8) && !leftSigned && group == 4 &&
                   rightType.getElementType().isInteger(8) && rightSigned;
    bool isShorts = leftType.getElementType().isInteger(16) && leftSigned && group == 2 && rightSigned;
    if ((!isBytes && !isShorts) || columns % lanes != 0)
      return rewriter.notifyMatchFailure(op, "expected u8 x s8 in groups of 4 or s16 x s16 in groups of 2");

    left = asRow(left);
    Value accumulator = asRow(op.getAcc());
    auto vectorOf = [](int64_t size, Type type) { return VectorType::get({size}, type); };
    Type i32 = rewriter.getI32Type(), element = isBytes ? rewriter.getI8Type() : rewriter.getI16Type();
    // Registers of the right operand, widened where the left one is.
    Value flat =
        vector::ShapeCastOp::create(rewriter, loc, vectorOf(columns * group, rightType.getElementType()), right);
    SmallVector<Value> registers;
    for (int64_t first = 0; first < columns; first += lanes) {
      Value part = slice(rewriter, loc, flat, first * group, lanes * group);
      if (rightType.getElementType() != element)
        part = arith::ExtSIOp::create(rewriter, loc, vectorOf(lanes * group, element), part);
      registers.push_back(part);
    }
    Value result = accumulator;
    for (int64_t row = 0; row < rows; ++row) {
      // A group of the left operand in every lane.
      Value group32 = vector::BitCastOp::create(rewriter, loc, vectorOf(1, i32),
                                                vector::ExtractOp::create(rewriter, loc, left, ArrayRef<int64_t>{row}));
      Value spread = vector::BroadcastOp::create(rewriter, loc, vectorOf(lanes, i32), group32);
      spread = vector::BitCastOp::create(rewriter, loc, vectorOf(lanes * group, element), spread);
      Value old = vector::ExtractOp::create(rewriter, loc, accumulator, ArrayRef<int64_t>{row}), updated = old;
      for (auto [index, weights] : llvm::enumerate(registers)) {
        Value part = slice(rewriter, loc, old, index * lanes, lanes);
        part = isBytes ? multiplyBytes(rewriter, loc, part, spread, weights)
                       : multiplyShorts(rewriter, loc, part, spread, weights);
        updated = lanes == columns ? part
                                   : vector::InsertStridedSliceOp::create(rewriter, loc, part, updated,
                                                                          ArrayRef<int64_t>{int64_t(index) * lanes},
                                                                          ArrayRef<int64_t>{1})
                                         .getResult();
      }
      result = vector::InsertOp::create(rewriter, loc, updated, result, ArrayRef<int64_t>{row});
    }
    if (isRow)
      result = vector::ShapeCastOp::create(rewriter, loc, sums, result);
    rewriter.replaceOp(op, result);
    return success();
  }

  static Value slice(OpBuilder &builder, Location loc, Value vector, int64_t first, int64_t size) {
    if (cast<VectorType>(vector.getType()).getDimSize(0) == size)
      return vector;
    return vector::ExtractStridedSliceOp::create(builder, loc, vector, ArrayRef<int64_t>{first},
                                                 ArrayRef<int64_t>{size}, ArrayRef<int64_t>{1});
  }

  Value call(OpBuilder &builder, Location loc, StringRef intrinsic, ValueRange operands) const {
    return LLVM::CallIntrinsicOp::create(builder, loc, VectorType::get({bits / 32}, builder.getI32Type()),
                                         builder.getStringAttr(intrinsic), operands)
        .getResult(0);
  }

  Value multiplyBytes(OpBuilder &builder, Location loc, Value sum, Value left, Value right) const {
    return call(builder, loc, bits == 512 ? "llvm.x86.avx512.vpdpbusd.512" : "llvm.x86.avx512.vpdpbusd.256",
                {sum, left, right});
  }

  Value multiplyShorts(OpBuilder &builder, Location loc, Value sum, Value left, Value right) const {
    Value pairs =
        call(builder, loc, bits == 512 ? "llvm.x86.avx512.pmaddw.d.512" : "llvm.x86.avx2.pmadd.wd", {left, right});
    return arith::AddIOp::create(builder, loc, sum, pairs);
  }

  unsigned bits;
};

} // namespace

void vitya::detail::populateDotProductPatterns(RewritePatternSet &patterns, unsigned bits) {
  patterns.add<DotProduct>(patterns.getContext(), bits);
}
