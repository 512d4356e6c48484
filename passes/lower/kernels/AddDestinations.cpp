// Turns kernels into destination-passing style: the caller owns the buffers of the results, and the kernel's parallel
// loop writes directly into them.
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/kernels/Passes.h"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_ADDDESTINATIONSPASS
#include "passes/lower/kernels/Passes.h.inc"

namespace {

struct AddDestinations : impl::AddDestinationsPassBase<AddDestinations> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto kernel : module.getOps<func::FuncOp>()) {
      if (!getDiscardable<VityaDialect::KernelAttrHelper>(kernel))
        continue;
      if (kernel.getNumResults() == 0 || !llvm::all_of(kernel.getResultTypes(), isStaticTensor)) {
        kernel.emitError() << "expected a kernel whose results are static tensors, found " << kernel.getFunctionType();
        return signalPassFailure();
      }
      FailureOr<SmallVector<func::CallOp>> calls = callsOf(kernel, module);
      if (failed(calls))
        return signalPassFailure();
      auto terminator = cast<func::ReturnOp>(kernel.getBody().front().getTerminator());
      SmallVector<Value> results(terminator.getOperands());
      for (auto [index, result] : llvm::enumerate(results)) {
        unsigned position = kernel.getNumArguments();
        if (failed(kernel.insertArgument(position, result.getType(), {}, kernel.getLoc())))
          return signalPassFailure();
        writeInto(kernel.getArgument(position), index, terminator);
      }
      for (func::CallOp call : *calls) {
        OpBuilder builder(call);
        for (Value result : results) {
          auto type = cast<RankedTensorType>(result.getType());
          Value empty = tensor::EmptyOp::create(builder, call->getLoc(), type.getShape(), type.getElementType());
          call.getOperandsMutable().append(empty);
        }
      }
    }
  }

  static bool isStaticTensor(Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.hasStaticShape();
  }

  /// Makes the parallel loop that produces result `index` write into `destination`. Reshapes between the loop and the
  /// result are applied to the destination in reverse. A result that no such loop produces is copied.
  static void writeInto(Value destination, unsigned index, func::ReturnOp terminator) {
    Value argument = destination, result = terminator.getOperand(index);
    OpBuilder builder = OpBuilder::atBlockBegin(terminator->getBlock());
    Value source = result;
    while (Operation *op = source.getDefiningOp()) {
      if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
        destination = tensor::ExpandShapeOp::create(builder, op->getLoc(), collapse.getSrcType(), destination,
                                                    collapse.getReassociationIndices());
        source = collapse.getSrc();
      } else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
        destination = tensor::CollapseShapeOp::create(builder, op->getLoc(), expand.getSrcType(), destination,
                                                      expand.getReassociationIndices());
        source = expand.getSrc();
      } else {
        break;
      }
    }
    if (OpOperand *init = getInit(source)) {
      init->set(destination);
      if (auto insert = dyn_cast<tensor::InsertSliceOp>(init->getOwner()))
        writePartInto(insert);
      return;
    }
    builder.setInsertionPoint(terminator);
    terminator->setOperand(index, linalg::CopyOp::create(builder, terminator.getLoc(), result, argument).getResult(0));
  }

  /// The operand that is the uninitialized tensor which loops, one after the other, have turned into `value`. Null if
  /// something else has computed it.
  static OpOperand *getInit(Value value) {
    OpOperand *init = nullptr;
    while (Operation *op = value.getDefiningOp()) {
      if (isa<tensor::EmptyOp>(op))
        return init;
      if (auto forall = dyn_cast<scf::ForallOp>(op))
        init = forall.getTiedOpOperand(cast<OpResult>(value));
      else if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
        init = &insert.getDestMutable();
      else
        break;
      value = init->get();
    }
    return nullptr;
  }

  /// Makes the parallel loop that computes the source of `insert` write into its destination.
  static void writePartInto(tensor::InsertSliceOp insert) {
    auto forall = insert.getSource().getDefiningOp<scf::ForallOp>();
    if (!forall)
      return;
    OpOperand *init = forall.getTiedOpOperand(cast<OpResult>(insert.getSource()));
    if (!init->get().getDefiningOp<tensor::EmptyOp>())
      return;
    OpBuilder builder(forall);
    init->set(tensor::ExtractSliceOp::create(builder, insert.getLoc(), insert.getSourceType(), insert.getDest(),
                                             insert.getMixedOffsets(), insert.getMixedSizes(),
                                             insert.getMixedStrides()));
  }
};

} // namespace
} // namespace vitya
