// The last step before LLVM's own vocabulary: contractions to outer products of fused multiply-adds, n-D transfers to
// 1-D ones, math functions to polynomials, sums across a vector to a fixed tree.
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Passes.h"
#include "passes/lower/DotProducts.h"
#include "passes/lower/Kernel.h"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_LOWERVECTORSPASS
#include "passes/Passes.h.inc"

namespace {

/// vector.reduction <add> or <maxnumf> as a tree: halves are combined until one lane is left. The same additions in the
/// same order on every machine.
struct ReductionTree : OpRewritePattern<vector::ReductionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(vector::ReductionOp op, PatternRewriter &rewriter) const override {
    auto type = cast<VectorType>(op.getVector().getType());
    if (!type.getElementType().isF32() || type.getRank() != 1 || !llvm::isPowerOf2_64(type.getNumElements()))
      return rewriter.notifyMatchFailure(op, "expected a vector of a power of two f32");
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

/// memref.copy between strided buffers as loops of vector loads and stores; LLVM's lowering would call a library.
struct CopyLoops : OpRewritePattern<memref::CopyOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(memref::CopyOp op, PatternRewriter &rewriter) const override {
    auto type = cast<MemRefType>(op.getSource().getType());
    if (!type.hasStaticShape() || type.getRank() == 0 || !isLastContiguous(type) ||
        !isLastContiguous(cast<MemRefType>(op.getTarget().getType())))
      return rewriter.notifyMatchFailure(op, "expected static buffers with contiguous rows");
    Location loc = op.getLoc();
    int64_t lanes = lanesOf(type.getShape().back());
    SmallVector<Value> lower, upper, steps;
    for (int64_t size : type.getShape()) {
      lower.push_back(arith::ConstantIndexOp::create(rewriter, loc, 0));
      upper.push_back(arith::ConstantIndexOp::create(rewriter, loc, size));
      steps.push_back(arith::ConstantIndexOp::create(rewriter, loc, 1));
    }
    steps.back() = arith::ConstantIndexOp::create(rewriter, loc, lanes);
    auto vector = VectorType::get({lanes}, type.getElementType());
    scf::buildLoopNest(rewriter, loc, lower, upper, steps, [&](OpBuilder &nested, Location at, ValueRange indices) {
      Value value = vector::LoadOp::create(nested, at, vector, op.getSource(), indices);
      vector::StoreOp::create(nested, at, value, op.getTarget(), indices);
    });
    rewriter.eraseOp(op);
    return success();
  }

  static bool isLastContiguous(MemRefType type) {
    auto [strides, offset] = type.getStridesAndOffset();
    return strides.back() == 1;
  }
};

/// erf as x P(x^2) / Q(x^2) on [-3.83, 3.83], beyond which it is 1 in f32. The minimax coefficients are XLA's
/// (ErfImpl32), a few units in the last place off; upstream's approximation chooses among four pairs of polynomials and
/// costs four times as much.
struct ErfRational : OpRewritePattern<math::ErfOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::ErfOp op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "expected f32");
    static constexpr float kNumerator[] = {0.00022905065861350646f, 0.0034082910107109506f, 0.050955695062380861f,
                                           0.18520832239976145f, 1.128379143519084f};
    static constexpr float kDenominator[] = {-1.1791602954361697e-7f,
                                             0.000023547966471313185f,
                                             0.0010179625278914885f,
                                             0.014070470171167667f,
                                             0.11098505178285362f,
                                             0.49746925110067538f,
                                             1.0f};
    Location loc = op.getLoc();
    auto constant = [&](float value) -> Value {
      TypedAttr attribute = rewriter.getF32FloatAttr(value);
      if (auto vector = dyn_cast<VectorType>(op.getType()))
        attribute = DenseElementsAttr::get(vector, value);
      return arith::ConstantOp::create(rewriter, loc, attribute);
    };
    Value limit = constant(3.832506856900711f), x = op.getOperand();
    auto clamp = [&](arith::CmpFPredicate predicate, Value bound) {
      Value inside = arith::CmpFOp::create(rewriter, loc, predicate, x, bound);
      x = arith::SelectOp::create(rewriter, loc, inside, x, bound);
    };
    clamp(arith::CmpFPredicate::OLT, limit);
    clamp(arith::CmpFPredicate::OGT, constant(-3.832506856900711f));
    Value square = arith::MulFOp::create(rewriter, loc, x, x);
    auto polynomial = [&](ArrayRef<float> coefficients) {
      Value sum = constant(coefficients.front());
      for (float coefficient : coefficients.drop_front())
        sum = math::FmaOp::create(rewriter, loc, sum, square, constant(coefficient));
      return sum;
    };
    Value numerator = arith::MulFOp::create(rewriter, loc, x, polynomial(kNumerator));
    rewriter.replaceOpWithNewOp<arith::DivFOp>(op, numerator, polynomial(kDenominator));
    return success();
  }
};

struct LowerVectors : impl::LowerVectorsPassBase<LowerVectors> {
  using LowerVectorsPassBase::LowerVectorsPassBase;
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (bits != 256 && bits != 512) {
      function.emitError() << "expected registers of 256 or 512 bits, found " << bits.getValue();
      return signalPassFailure();
    }
    auto apply = [&](auto populate, bool fold = true) {
      RewritePatternSet patterns(&getContext());
      populate(patterns);
      return applyPatternsGreedily(function, std::move(patterns),
                                   GreedyRewriteConfig().enableFolding(fold).enableConstantCSE(fold));
    };
    bool lowered =
        // Reductions across a vector first, while they are whole.
        succeeded(apply([](RewritePatternSet &patterns) {
          vector::populateVectorMultiReductionLoweringPatterns(patterns,
                                                               vector::VectorMultiReductionLowering::InnerReduction);
        })) &&
        succeeded(apply([&](RewritePatternSet &patterns) { detail::populateDotProductPatterns(patterns, bits); })) &&
        succeeded(flattenGroups(function)) && succeeded(apply([&](RewritePatternSet &patterns) {
          patterns.add<CopyLoops>(&getContext());
          patterns.add<ReductionTree>(&getContext(), /*benefit=*/10);
          vector::populateVectorContractLoweringPatterns(patterns, vector::VectorContractLowering::OuterProduct);
          vector::populateVectorOuterProductLoweringPatterns(patterns);
        })) &&
        succeeded(apply([](RewritePatternSet &patterns) {
          populateVectorToSCFConversionPatterns(
              patterns, VectorTransferToSCFOptions().enableFullUnroll().setTargetRank(1).enableLowerScalable(false));
          vector::populateVectorTransferLoweringPatterns(patterns, /*maxTransferRank=*/1);
          vector::populateVectorTransposeLoweringPatterns(patterns, vector::VectorTransposeLowering::Shuffle1D);
          vector::populateVectorShapeCastLoweringPatterns(patterns);
          vector::populateVectorBroadcastLoweringPatterns(patterns);
        })) &&
        succeeded(apply([](RewritePatternSet &patterns) {
          // Processors round.
          auto all = [](StringRef name) { return name != math::RoundEvenOp::getOperationName(); };
          patterns.add<ErfRational>(patterns.getContext(), /*benefit=*/10);
          populateMathF32ExpansionPatterns(patterns, all);
          populateMathPolynomialApproximationPatterns(patterns, all);
        }));
    if (!lowered)
      signalPassFailure();
  }

  /// Groups of integers are one stretch of memory, and move as one vector.
  static LogicalResult flattenGroups(func::FuncOp function) {
    SmallVector<Operation *> transfers;
    function.walk([&](VectorTransferOpInterface transfer) {
      // Upstream's pattern takes for granted that a vector is more than one number, and has no more
      // dimensions than the memory.
      VectorType type = transfer.getVectorType();
      if (type.getElementType().isInteger() && type.getNumElements() > 1 &&
          type.getRank() <= transfer.getShapedType().getRank())
        transfers.push_back(transfer);
    });
    RewritePatternSet patterns(function.getContext());
    vector::populateFlattenVectorTransferPatterns(patterns, /*targetVectorBitwidth=*/64);
    return applyOpPatternsGreedily(transfers, std::move(patterns),
                                   GreedyRewriteConfig().setStrictness(GreedyRewriteStrictness::ExistingOps));
  }
};

} // namespace
} // namespace vitya
