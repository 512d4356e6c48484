// The last step before LLVM's own vocabulary: contractions to outer products of fused multiply-adds, n-D transfers to
// 1-D ones, math functions to polynomials, sums across a vector to a fixed tree.
#include "passes/Passes.h"
#include "passes/lower/Kernel.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

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

struct LowerVectors : impl::LowerVectorsPassBase<LowerVectors> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
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
        succeeded(apply([&](RewritePatternSet &patterns) {
          patterns.add<ReductionTree>(&getContext(), /*benefit=*/10);
          vector::populateVectorContractLoweringPatterns(patterns, vector::VectorContractLowering::OuterProduct);
          vector::populateVectorOuterProductLoweringPatterns(patterns);
        })) &&
        succeeded(apply([](RewritePatternSet &patterns) {
          populateVectorToSCFConversionPatterns(
              patterns, VectorTransferToSCFOptions().enableFullUnroll().setTargetRank(1).enableLowerScalable(false));
          vector::populateVectorTransferLoweringPatterns(patterns, /*maxTransferRank=*/1);
          vector::populateVectorTransposeLoweringPatterns(patterns, vector::VectorTransposeLowering::EltWise);
          vector::populateVectorShapeCastLoweringPatterns(patterns);
          vector::populateVectorBroadcastLoweringPatterns(patterns);
        })) &&
        succeeded(apply([](RewritePatternSet &patterns) {
          auto all = [](StringRef) { return true; };
          populateMathF32ExpansionPatterns(patterns, all);
          populateMathPolynomialApproximationPatterns(patterns, all);
        }));
    if (!lowered)
      signalPassFailure();
  }
};

} // namespace
} // namespace vitya
