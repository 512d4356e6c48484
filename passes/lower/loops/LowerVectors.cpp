// Lowers vector ops to a form that LLVM has instructions for: contractions become outer products of fused multiply-adds
// or dot products of integers or bf16, n-D transfers become 1-D, math functions become polynomials, and reductions
// across a vector become trees of a fixed order.
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/linalg/FloatBuilder.h"
#include "passes/lower/loops/DotProducts.h"
#include "passes/lower/loops/ElementaryFunctions.h"
#include "passes/lower/loops/Passes.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "vitya-lower-vectors"

using namespace mlir;
using vitya::detail::FloatBuilder;

namespace vitya {
#define GEN_PASS_DEF_LOWERVECTORSPASS
#include "passes/lower/loops/Passes.h.inc"

namespace {

/// Lowers vector.reduction of f32 to a tree: the halves of the vector are combined until one lane is left. The order of
/// the additions is the same on every machine.
struct ReductionTree : OpRewritePattern<vector::ReductionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(vector::ReductionOp op, PatternRewriter &rewriter) const override {
    auto type = cast<VectorType>(op.getVector().getType());
    if (!type.getElementType().isF32() || type.getRank() != 1 || !llvm::isPowerOf2_64(type.getNumElements()))
      return rewriter.notifyMatchFailure(op, "expected a 1-D vector of f32 whose size is a power of two");
    Location loc = op.getLoc();
    auto combine = [&](Value a, Value b) -> Value {
      return vector::makeArithReduction(rewriter, loc, op.getKind(), a, b);
    };
    Value value = op.getVector();
    for (int64_t size = type.getNumElements() / 2; size >= 1; size /= 2) {
      auto half = [&](int64_t offset) -> Value {
        return vector::ExtractStridedSliceOp::create(rewriter, loc, value, ArrayRef<int64_t>{offset},
                                                     ArrayRef<int64_t>{size}, ArrayRef<int64_t>{1});
      };
      value = combine(half(0), half(size));
    }
    Value scalar = vector::ExtractOp::create(rewriter, loc, value, ArrayRef<int64_t>{0});
    if (op.getAcc())
      scalar = combine(scalar, op.getAcc());
    rewriter.replaceOp(op, scalar);
    return success();
  }
};

/// Lowers a contraction with a single product per sum to one elementwise fused multiply-add. The upstream lowering
/// extracts the elements one at a time.
struct FusedProduct : OpRewritePattern<vector::ContractionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(vector::ContractionOp op, PatternRewriter &rewriter) const override {
    auto sumType = dyn_cast<VectorType>(op.getAccType());
    int64_t elements = sumType ? sumType.getNumElements() : 1;
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    // Without the dimensions of the reductions, which have size 1, the operands must have the layout of the sum.
    SmallVector<AffineExpr> kept;
    for (AffineExpr dim : maps[0].getResults())
      if (op.getIteratorTypesArray()[cast<AffineDimExpr>(dim).getPosition()] == vector::IteratorType::parallel)
        kept.push_back(dim);
    if (op.getKind() != vector::CombiningKind::ADD || !getElementTypeOrSelf(op.getAccType()).isF32() ||
        maps[0] != maps[1] || ArrayRef(kept) != maps[2].getResults() || op.getLhsType().getNumElements() != elements)
      return rewriter.notifyMatchFailure(op, "expected f32 sums of one product, in the order of the operands");
    auto asSum = [&](Value vector) -> Value {
      if (sumType)
        return vector::ShapeCastOp::create(rewriter, op.getLoc(), sumType, vector);
      SmallVector<int64_t> first(cast<VectorType>(vector.getType()).getRank(), 0);
      return vector::ExtractOp::create(rewriter, op.getLoc(), vector, first);
    };
    rewriter.replaceOpWithNewOp<math::FmaOp>(op, asSum(op.getLhs()), asSum(op.getRhs()), op.getAcc());
    return success();
  }
};

/// Lowers a gather of 16 bytes from the 16 bytes that follow its start to a shuffle of these bytes. Its positions are
/// known to be from 0 to 15 because they were extended from bytes of which only four bits were kept.
struct ByteShuffle : OpRewritePattern<vector::GatherOp> {
  ByteShuffle(MLIRContext *context, InstructionSet instructions)
      : OpRewritePattern(context),
        intrinsic(instructions == InstructionSet::x86 ? "llvm.x86.ssse3.pshuf.b.128" : "llvm.aarch64.neon.tbl1.v16i8") {
  }
  LogicalResult matchAndRewrite(vector::GatherOp op, PatternRewriter &rewriter) const override {
    VectorType type = op.getVectorType();
    auto extension = op.getIndices().getDefiningOp<arith::ExtUIOp>();
    auto positions = extension ? extension.getIn().getDefiningOp<arith::AndIOp>() : arith::AndIOp();
    APInt kept;
    if (type != VectorType::get({kLanes}, rewriter.getI8Type()) || !positions || positions.getType() != type ||
        !matchPattern(positions.getRhs(), m_ConstantInt(&kept)) || kept != kLanes - 1 ||
        !matchPattern(op.getMask(), m_One()) || !isa<MemRefType>(op.getBase().getType()))
      return rewriter.notifyMatchFailure(op, "expected 16 bytes within a window of 16");
    Value window = vector::LoadOp::create(rewriter, op.getLoc(), type, op.getBase(), op.getOffsets());
    rewriter.replaceOpWithNewOp<LLVM::CallIntrinsicOp>(op, type, rewriter.getStringAttr(intrinsic),
                                                       ValueRange{window, positions});
    return success();
  }

  StringRef intrinsic;
};

/// Lowers the fused multiply-adds of a contraction to multiplications and additions, each of which is rounded.
struct SplitMultiplyAdd : OpRewritePattern<vector::FMAOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(vector::FMAOp op, PatternRewriter &rewriter) const override {
    Value product = arith::MulFOp::create(rewriter, op.getLoc(), op.getLhs(), op.getRhs());
    rewriter.replaceOpWithNewOp<arith::AddFOp>(op, product, op.getAcc());
    return success();
  }
};

/// Lowers other fused multiply-adds of f32 exactly, with f64, which hold the product of two f32. Their sum is rounded
/// to odd: if it is not exact, its last bit is 1. Then rounding it to f32 is as good as rounding the exact sum (Boldo
/// and Melquiond, Emulation of FMA and correctly rounded sums, 2008).
struct ExactMultiplyAdd : OpRewritePattern<math::FmaOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::FmaOp op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "expected f32");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto vector = dyn_cast<VectorType>(op.getType());
    auto withElement = [&](Type element) { return vector ? Type(vector.clone(element)) : element; };
    Type f64 = withElement(b.getF64Type()), i64 = withElement(b.getI64Type());
    auto widen = [&](Value value) -> Value { return arith::ExtFOp::create(b, f64, value); };
    auto add = [&](Value x, Value y) -> Value { return arith::AddFOp::create(b, x, y); };
    auto subtract = [&](Value x, Value y) -> Value { return arith::SubFOp::create(b, x, y); };
    auto constant = [&](TypedAttr value) -> Value {
      return arith::ConstantOp::create(b,
                                       vector ? DenseElementsAttr::get(vector.clone(value.getType()), value) : value);
    };
    Value product = arith::MulFOp::create(b, widen(op.getA()), widen(op.getB())), addend = widen(op.getC());
    // The error of the sum, by Knuth's TwoSum; NaN if the sum is infinite.
    Value sum = add(product, addend), part = subtract(sum, product);
    Value error = add(subtract(product, subtract(sum, part)), subtract(addend, part));
    Value isRounded = arith::CmpFOp::create(b, arith::CmpFPredicate::ONE, error, constant(b.getF64FloatAttr(0)));
    Value one = arith::ExtUIOp::create(b, i64, isRounded);
    // If the error has another sign than the sum, the sum is the larger one of its neighbours; take the other.
    Value bits = arith::BitcastOp::create(b, i64, sum), errorBits = arith::BitcastOp::create(b, i64, error);
    Value differs = arith::ShRUIOp::create(b, arith::XOrIOp::create(b, bits, errorBits).getResult(),
                                           constant(b.getI64IntegerAttr(63)));
    Value truncated = arith::SubIOp::create(b, bits, arith::AndIOp::create(b, differs, one).getResult());
    Value odd = arith::BitcastOp::create(b, f64, arith::OrIOp::create(b, truncated, one).getResult());
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), odd);
    return success();
  }
};

/// Lowers the rounding of f32 to integers: numbers below 2^23 lose the bits after the point when 2^23 is added, and
/// larger ones are integers.
struct RoundByAddition : OpRewritePattern<math::RoundEvenOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::RoundEvenOp op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "expected f32");
    FloatBuilder a(rewriter, op.getLoc(), op.getType());
    Value magnitude = math::AbsFOp::create(a, op.getOperand()), shift = a.constant(0x1p23f);
    Value rounded = a.sub(a.add(magnitude, shift), shift);
    Value isSmall = arith::CmpFOp::create(a, arith::CmpFPredicate::OLT, magnitude, shift);
    rounded = arith::SelectOp::create(a, isSmall, rounded, magnitude);
    rewriter.replaceOpWithNewOp<math::CopySignOp>(op, rounded, op.getOperand());
    return success();
  }
};

/// Lowers memref.copy to loops of vector loads and stores. Upstream's lowering calls a library function if a buffer is
/// strided.
struct CopyLoops : OpRewritePattern<memref::CopyOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(memref::CopyOp op, PatternRewriter &rewriter) const override {
    auto type = cast<MemRefType>(op.getSource().getType());
    if (!type.hasStaticShape() || type.getRank() == 0 || !isLastContiguous(type) ||
        !isLastContiguous(cast<MemRefType>(op.getTarget().getType())))
      return rewriter.notifyMatchFailure(op, "expected static buffers with contiguous rows");
    // The last columns are copied by vectors of half as many elements each, because LLVM splits vectors of other sizes.
    int64_t columns = type.getShape().back(), begin = 0;
    for (int64_t width = kLanes; begin != columns; width /= 2) {
      int64_t end = columns - (columns - begin) % width;
      if (begin != end)
        copyColumns(rewriter, op, begin, end, width);
      begin = end;
    }
    rewriter.eraseOp(op);
    return success();
  }

  /// Copies the columns from `begin` to `end`, `width` of them at a time.
  static void copyColumns(OpBuilder &builder, memref::CopyOp op, int64_t begin, int64_t end, int64_t width) {
    Location loc = op.getLoc();
    auto type = cast<MemRefType>(op.getSource().getType());
    SmallVector<Value> lower, upper, steps;
    for (int64_t size : type.getShape()) {
      lower.push_back(arith::ConstantIndexOp::create(builder, loc, 0));
      upper.push_back(arith::ConstantIndexOp::create(builder, loc, size));
      steps.push_back(arith::ConstantIndexOp::create(builder, loc, 1));
    }
    lower.back() = arith::ConstantIndexOp::create(builder, loc, begin);
    upper.back() = arith::ConstantIndexOp::create(builder, loc, end);
    steps.back() = arith::ConstantIndexOp::create(builder, loc, width);
    auto vector = VectorType::get({width}, type.getElementType());
    scf::buildLoopNest(builder, loc, lower, upper, steps, [&](OpBuilder &nested, Location at, ValueRange indices) {
      Value value = vector::LoadOp::create(nested, at, vector, op.getSource(), indices);
      vector::StoreOp::create(nested, at, value, op.getTarget(), indices);
    });
  }

  static bool isLastContiguous(MemRefType type) {
    auto [strides, offset] = type.getStridesAndOffset();
    return strides.back() == 1;
  }
};

struct LowerVectors : impl::LowerVectorsPassBase<LowerVectors> {
  using LowerVectorsPassBase::LowerVectorsPassBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    bool isX86 = instructions == InstructionSet::x86;
    if (isX86 ? bits != 256 && bits != 512 : bits != 128) {
      function.emitError() << "expected registers of " << (isX86 ? "256 or 512" : "128") << " bits, found "
                           << bits.getValue();
      return signalPassFailure();
    }
    LDBG() << "@" << function.getName() << " with registers of " << bits.getValue() << " bits";
    // The order matters: the first steps match n-D vectors, which the later ones unroll.
    if (failed(lowerMultiReductions(function)) || failed(lowerDotProducts(function)) ||
        failed(flattenVnniTransfers(function)) || failed(lowerContractions(function)) ||
        failed(lowerTransfers(function)) || failed(lowerMath(function)))
      signalPassFailure();
  }

  LogicalResult lowerMultiReductions(func::FuncOp function) {
    RewritePatternSet patterns(&getContext());
    vector::populateVectorMultiReductionLoweringPatterns(patterns,
                                                         vector::VectorMultiReductionLowering::InnerReduction);
    return applyPatternsGreedily(function, std::move(patterns));
  }

  LogicalResult lowerDotProducts(func::FuncOp function) {
    RewritePatternSet patterns(&getContext());
    populateDotProductPatterns(patterns, bits, instructions, dotBf16);
    if (failed(applyPatternsGreedily(function, std::move(patterns))))
      return failure();
    WalkResult result = function.walk([&](LLVM::CallIntrinsicOp call) {
      if (dotBytes || !isByteDotProduct(call))
        return WalkResult::advance();
      call.emitError()
          << "expected bytes to be multiplied in short sums, as the processor has no dot product of bytes: "
             "was an earlier phase compiled for another processor?";
      return WalkResult::interrupt();
    });
    return failure(result.wasInterrupted());
  }

  /// Turns transfers of integers and bf16 in VNNI layout, which is contiguous, into transfers of one vector.
  static LogicalResult flattenVnniTransfers(func::FuncOp function) {
    SmallVector<Operation *> transfers;
    function.walk([&](VectorTransferOpInterface transfer) {
      // The upstream pattern does not support vectors of one element, or of a higher rank than the memory.
      VectorType type = transfer.getVectorType();
      if ((type.getElementType().isInteger() || type.getElementType().isBF16()) && type.getNumElements() > 1 &&
          type.getRank() <= transfer.getShapedType().getRank())
        transfers.push_back(transfer);
    });
    RewritePatternSet patterns(function.getContext());
    vector::populateFlattenVectorTransferPatterns(patterns, /*targetVectorBitwidth=*/64);
    return applyOpPatternsGreedily(transfers, std::move(patterns),
                                   GreedyRewriteConfig().setStrictness(GreedyRewriteStrictness::ExistingOps));
  }

  LogicalResult lowerContractions(func::FuncOp function) {
    RewritePatternSet patterns(&getContext());
    if (instructions == InstructionSet::sse2)
      vector::populateVectorGatherToConditionalLoadPatterns(patterns);
    else
      patterns.add<ByteShuffle>(&getContext(), instructions);
    patterns.add<CopyLoops>(&getContext());
    patterns.add<ReductionTree, FusedProduct>(&getContext(), /*benefit=*/10);
    vector::populateVectorContractLoweringPatterns(patterns, vector::VectorContractLowering::OuterProduct);
    vector::populateVectorOuterProductLoweringPatterns(patterns);
    return applyPatternsGreedily(function, std::move(patterns));
  }

  LogicalResult lowerTransfers(func::FuncOp function) {
    RewritePatternSet patterns(&getContext());
    populateVectorToSCFConversionPatterns(
        patterns, VectorTransferToSCFOptions().enableFullUnroll().setTargetRank(1).enableLowerScalable(false));
    vector::populateVectorTransferLoweringPatterns(patterns, /*maxTransferRank=*/1);
    vector::populateVectorTransposeLoweringPatterns(patterns, vector::VectorTransposeLowering::Shuffle16x16,
                                                    /*benefit=*/2);
    vector::populateVectorTransposeLoweringPatterns(patterns, vector::VectorTransposeLowering::Shuffle1D);
    vector::populateVectorShapeCastLoweringPatterns(patterns);
    vector::populateVectorBroadcastLoweringPatterns(patterns);
    return failure(failed(applyPatternsGreedily(function, std::move(patterns))) || failed(splitStores(function)));
  }

  /// Splits stores of several blocks of lanes. If a block that was stored with others is loaded, LLVM takes it from the
  /// stored vector as an integer of 512 bits, which x86 has to assemble from integers of 64.
  LogicalResult splitStores(func::FuncOp function) {
    RewritePatternSet patterns(&getContext());
    vector::populateVectorUnrollPatterns(
        patterns, vector::UnrollVectorOptions().setNativeShape({kLanes}).setFilterConstraint([](Operation *op) {
          auto store = dyn_cast<vector::StoreOp>(op);
          bool isSplit = store && store.getVectorType().getRank() == 1 &&
                         store.getVectorType().getElementTypeBitWidth() == 32 &&
                         store.getVectorType().getNumElements() > kLanes;
          return success(isSplit);
        }));
    return applyPatternsGreedily(function, std::move(patterns));
  }

  LogicalResult lowerMath(func::FuncOp function) {
    RewritePatternSet patterns(&getContext());
    populateElementaryFunctionPatterns(patterns);
    arith::populateExpandBFloat16Patterns(patterns);
    if (instructions == InstructionSet::sse2)
      patterns.add<SplitMultiplyAdd, ExactMultiplyAdd, RoundByAddition>(&getContext());
    return applyPatternsGreedily(function, std::move(patterns));
  }
};

} // namespace
} // namespace vitya
