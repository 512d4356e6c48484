// Vectorizes linalg ops of register size, then moves the vectors that loops accumulate in out of memory: transfers
// that read and write the same part of a tensor in every iteration become loop-carried vectors.
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
#include "passes/lower/kernels/Passes.h"
#include "passes/lower/Kernel.h"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_VECTORIZEKERNELSPASS
#include "passes/lower/kernels/Passes.h.inc"

namespace {

struct VectorizeKernels : impl::VectorizeKernelsPassBase<VectorizeKernels> {
  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    if (!kernel->hasAttr(kKernelAttrName))
      return;
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::LinalgOp> ops;
    kernel.walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops) {
      rewriter.setInsertionPoint(op);
      FailureOr<linalg::VectorizationResult> result = linalg::vectorize(rewriter, op);
      if (failed(result)) {
        op.emitError("expected an op that can be vectorized");
        return signalPassFailure();
      }
      rewriter.replaceOp(op, result->replacements);
    }

    RewritePatternSet contractions(&getContext());
    vector::populateVectorReductionToContractPatterns(contractions);
    vector::populateVectorTransferPermutationMapLoweringPatterns(contractions);
    vector::populateSinkVectorOpsPatterns(contractions);
    addCanonicalizations(contractions);
    if (failed(applyPatternsGreedily(kernel, std::move(contractions))))
      return signalPassFailure();

    kernel.walk([&](scf::ForOp loop) { moveLoopInvariantCode(loop); });
    // Inner loops first: what leaves one may leave the next.
    SmallVector<scf::ForOp> loops;
    kernel.walk([&](scf::ForOp loop) { loops.push_back(loop); });
    for (scf::ForOp loop : loops)
      (void)hoistLoopInvariantSubsets(rewriter, loop);

    RewritePatternSet folds(&getContext());
    tensor::populateFoldTensorSubsetIntoVectorTransferPatterns(folds);
    addCanonicalizations(folds);
    if (failed(applyPatternsGreedily(kernel, std::move(folds))))
      signalPassFailure();
  }

  void addCanonicalizations(RewritePatternSet &patterns) {
    for (StringRef name : {"scf", "tensor", "vector", "affine"})
      if (Dialect *dialect = getContext().getLoadedDialect(name))
        dialect->getCanonicalizationPatterns(patterns);
    for (RegisteredOperationName op : getContext().getRegisteredOperations())
      if (llvm::is_contained({"scf", "tensor", "vector", "affine", "arith"}, op.getDialectNamespace()))
        op.getCanonicalizationPatterns(patterns, &getContext());
  }
};

} // namespace
} // namespace vitya
