// Converts vitya ops to linalg; each family of patterns has a file of its own. Upstream patterns convert elementwise
// arith ops on tensors and concatenations.
#include "passes/lower/linalg/VityaToLinalg.h"
#include "dialect/QuantTypes.h"
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "passes/lower/linalg/Passes.h"

using namespace mlir;

LogicalResult vitya::detail::verifyNotQuantized(Operation *op) {
  for (Type type : llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes()))
    if (isQuantized(getElementTypeOrSelf(type)))
      return op->emitOpError() << "expected no quantized tensors, which vitya-lower-quantization lowers, found "
                               << type;
  return success();
}

namespace vitya {
#define GEN_PASS_DEF_VITYATOLINALGPASS
#include "passes/lower/linalg/Passes.h.inc"

namespace {

struct VityaToLinalg : impl::VityaToLinalgPassBase<VityaToLinalg> {
  void runOnOperation() override {
    WalkResult lowered = getOperation().walk([](Operation *op) { return WalkResult(detail::verifyNotQuantized(op)); });
    if (lowered.wasInterrupted())
      return signalPassFailure();
    ConversionTarget target(getContext());
    target.addIllegalDialect<VityaDialect>();
    target.addIllegalOp<tensor::ConcatOp>();
    target.addLegalDialect<linalg::LinalgDialect, tensor::TensorDialect, math::MathDialect, scf::SCFDialect>();
    target.addDynamicallyLegalDialect<arith::ArithDialect>([](Operation *op) {
      return isa<arith::ConstantOp>(op) || llvm::none_of(op->getResultTypes(), llvm::IsaPred<TensorType>);
    });
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });

    RewritePatternSet patterns(&getContext());
    detail::populateAttentionToLinalgPatterns(patterns);
    detail::populateElementwiseToLinalgPatterns(patterns);
    detail::populateImageToLinalgPatterns(patterns);
    detail::populateIntegerAttentionToLinalgPatterns(patterns);
    detail::populateLinearToLinalgPatterns(patterns);
    detail::populateQuantizationToLinalgPatterns(patterns);
    detail::populateReductionToLinalgPatterns(patterns);
    detail::populateWindowToLinalgPatterns(patterns);
    linalg::populateElementwiseToLinalgConversionPatterns(patterns);
    tensor::populateDecomposeTensorConcatPatterns(patterns);
    if (failed(applyPartialConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace vitya
