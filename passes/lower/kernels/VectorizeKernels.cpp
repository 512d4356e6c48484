// Vectorizes linalg ops of register size, then keeps the accumulators of loops in registers: transfers that read and
// write the same part of a tensor in every iteration become loop-carried vectors.
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Hoisting.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/kernels/Canonicalization.h"
#include "passes/lower/kernels/Passes.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "vitya-vectorize-kernels"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_VECTORIZEKERNELSPASS
#include "passes/lower/kernels/Passes.h.inc"

namespace {

struct VectorizeKernels : impl::VectorizeKernelsPassBase<VectorizeKernels> {
  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    if (!getDiscardable<VityaDialect::KernelAttrHelper>(kernel))
      return;
    LDBG() << "kernel @" << kernel.getName();
    if (failed(vectorize(kernel)) || failed(formContractions(kernel)))
      return signalPassFailure();
    hoistAccumulators(kernel);
    if (failed(foldSlices(kernel)))
      signalPassFailure();
  }

  LogicalResult vectorize(func::FuncOp kernel) {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::LinalgOp> ops;
    kernel.walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops) {
      LDBG() << "vectorizing " << op;
      rewriter.setInsertionPoint(op);
      FailureOr<linalg::VectorizationResult> result = linalg::vectorize(rewriter, op);
      if (failed(result))
        return op.emitError("expected an op that can be vectorized");
      rewriter.replaceOp(op, result->replacements);
    }
    return success();
  }

  LogicalResult formContractions(func::FuncOp kernel) {
    RewritePatternSet patterns(&getContext());
    vector::populateVectorReductionToContractPatterns(patterns);
    vector::populateVectorTransferPermutationMapLoweringPatterns(patterns);
    vector::populateSinkVectorOpsPatterns(patterns);
    addCanonicalizations(patterns);
    return applyPatternsGreedily(kernel, std::move(patterns));
  }

  void hoistAccumulators(func::FuncOp kernel) {
    kernel.walk([&](scf::ForOp loop) { moveLoopInvariantCode(loop); });
    // Inner loops come first: a transfer hoisted out of one loop may be hoisted out of the next.
    SmallVector<scf::ForOp> loops;
    kernel.walk([&](scf::ForOp loop) { loops.push_back(loop); });
    IRRewriter rewriter(&getContext());
    for (scf::ForOp loop : loops) {
      LoopLikeOpInterface hoisted = hoistLoopInvariantSubsets(rewriter, loop);
      LDBG() << "loop with " << hoisted.getRegionIterArgs().size() << " iteration arguments after hoisting";
    }
  }

  LogicalResult foldSlices(func::FuncOp kernel) {
    RewritePatternSet patterns(&getContext());
    tensor::populateFoldTensorSubsetIntoVectorTransferPatterns(patterns);
    addCanonicalizations(patterns);
    return applyPatternsGreedily(kernel, std::move(patterns));
  }

  static void addCanonicalizations(RewritePatternSet &patterns) {
    populateCanonicalizationPatterns(patterns, {"affine", "arith", "scf", "tensor", "vector"});
  }
};

} // namespace
} // namespace vitya
