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
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/kernels/Canonicalization.h"
#include "passes/lower/kernels/Passes.h"
#include "passes/lower/kernels/TileSizes.h"
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
      if (isColumnOrder(op)) {
        rewriter.replaceOp(op, gatherColumns(rewriter, cast<linalg::GenericOp>(op.getOperation())));
        continue;
      }
      FailureOr<linalg::VectorizationResult> result = linalg::vectorize(rewriter, op);
      if (failed(result))
        return op.emitError("expected an op that can be vectorized");
      rewriter.replaceOp(op, result->replacements);
    }
    return success();
  }

  /// The result of `op`, a column order of one window, as one vector that is gathered from this window.
  static Value gatherColumns(OpBuilder &builder, linalg::GenericOp op) {
    Location loc = op.getLoc();
    Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
    Type i8 = builder.getI8Type();
    Value padding = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(i8));
    auto type = VectorType::get({kLanes}, i8);
    // The window starts where its element at position 0 is.
    IRMapping first;
    first.map(op.getBody()->getArgument(0), padding);
    for (Operation &nested : op.getBody()->without_terminator())
      if (isa<linalg::IndexOp>(nested))
        first.map(nested.getResult(0), zero);
      else if (!isa<tensor::ExtractOp>(nested))
        builder.clone(nested, first);
    auto extract = *op.getBody()->getOps<tensor::ExtractOp>().begin();
    SmallVector<Value> start;
    for (Value index : extract.getIndices())
      start.push_back(first.lookupOrDefault(index));
    auto zeros = [&](Value tensor) { return SmallVector<Value>(cast<ShapedType>(tensor.getType()).getRank(), zero); };
    Value order = op.getInputs()[0], result = op.getOutputs()[0];
    Value positions = vector::TransferReadOp::create(builder, loc, type, order, zeros(order), padding, ArrayRef{true});
    // Only these bits count, so no position is outside the window.
    positions = arith::AndIOp::create(
        builder, loc, positions,
        arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, builder.getI8IntegerAttr(kLanes - 1))));
    Value indices = arith::ExtUIOp::create(builder, loc, type.clone(builder.getI32Type()), positions);
    Value mask = arith::ConstantOp::create(
        builder, loc, DenseElementsAttr::get(type.clone(builder.getI1Type()), builder.getBoolAttr(true)));
    Value none = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
    Value gathered = vector::GatherOp::create(builder, loc, type, extract.getTensor(), start, indices, mask, none);
    return vector::TransferWriteOp::create(builder, loc, gathered, result, zeros(result), ArrayRef{true}).getResult();
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
