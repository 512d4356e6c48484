// The ops between two points of execution are cloned into a function, which the reference interpreter executes.
#include "passes/analysis/Replay.h"
#include "dialect/VityaOps.h"
#include "dialect/reference/Interpreter.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Threading.h"
#include "passes/analysis/FiniteCheck.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace vitya {

reference::Tensor toTensor(const Eigen::MatrixXd &matrix, Type f32) {
  reference::Tensor result({matrix.rows(), matrix.cols()}, f32);
  result.mutableMatrix() = matrix.cast<float>();
  return result;
}

reference::Tensor toTensor(const Eigen::VectorXd &vector, Type f32) {
  return toTensor(Eigen::MatrixXd(vector.transpose()), f32).reshaped({vector.size()});
}

Replay::Replay(func::FuncOp function, const ImageSet &images, int64_t count)
    : function(function), images(images.path()), count(count) {
  auto type = cast<RankedTensorType>(function.getArgumentTypes().front());
  std::vector<reference::Tensor> &pixels = values[function.getArgument(0)];
  for (int64_t i = 0; i < count; ++i) {
    reference::Tensor image(type.getShape(), type.getElementType());
    images.read(i, image.mutableValues());
    pixels.push_back(std::move(image));
  }
}

/// The ops of a block that are executed by one call of `advanceTo`, and the values that enter and leave them. Constants
/// are not among `ops`.
struct Replay::Segment {
  SmallVector<Operation *> ops;
  llvm::SetVector<Operation *> constants; ///< that `ops` read
  llvm::SetVector<Value> inputs, results;
};

Operation *Replay::next() { return last ? last->getNextNode() : &function.front().front(); }

static bool isReadFrom(Value value, Operation *op) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) { return !user->isBeforeInBlock(op); });
}

Replay::Segment Replay::segmentBefore(Operation *end) {
  Segment segment;
  auto isDefined = [&](Value result) { return values.contains(result); };
  for (Operation *op = next(); op != end; op = op->getNextNode()) {
    if (isa<arith::ConstantOp>(op) || llvm::all_of(op->getResults(), isDefined))
      continue;
    segment.ops.push_back(op);
    for (Value operand : op->getOperands()) {
      if (auto constant = operand.getDefiningOp<arith::ConstantOp>())
        segment.constants.insert(constant);
      else if (values.contains(operand))
        segment.inputs.insert(operand);
    }
  }
  for (Operation *op : segment.ops)
    for (Value result : op->getResults())
      if (isReadFrom(result, end))
        segment.results.insert(result);
  return segment;
}

OwningOpRef<func::FuncOp> Replay::functionOf(const Segment &segment) {
  Location loc = function.getLoc();
  OwningOpRef<func::FuncOp> result =
      func::FuncOp::create(loc, "segment",
                           FunctionType::get(loc.getContext(), TypeRange(segment.inputs.getArrayRef()),
                                             TypeRange(segment.results.getArrayRef())));
  OpBuilder builder = OpBuilder::atBlockBegin(result->addEntryBlock());
  IRMapping mapping;
  mapping.map(segment.inputs.getArrayRef(), result->getArguments());
  for (Operation *op : llvm::concat<Operation *const>(segment.constants.getArrayRef(), segment.ops))
    builder.clone(*op, mapping);
  SmallVector<Value> returned =
      llvm::map_to_vector(segment.results, [&](Value value) { return mapping.lookup(value); });
  func::ReturnOp::create(builder, loc, returned);
  return result;
}

LogicalResult Replay::advanceTo(Operation *op) {
  Segment segment = segmentBefore(op);
  if (segment.ops.empty())
    return success();
  OwningOpRef<func::FuncOp> executed = functionOf(segment);
  FailureOr<reference::Interpreter> interpreter = reference::Interpreter::create(*executed);
  if (failed(interpreter))
    return failure();

  FiniteCheck check;
  SmallVector<std::vector<reference::Tensor>> results(segment.results.size(), std::vector<reference::Tensor>(count));
  parallelFor(function.getContext(), 0, count, [&](int64_t image) {
    SmallVector<reference::Tensor> inputs =
        llvm::map_to_vector(segment.inputs, [&](Value input) { return values.find(input)->second[image]; });
    auto observe = [&](Operation *op, ArrayRef<reference::Tensor> values) { check.add(image, op, values); };
    for (auto [tensors, tensor] : llvm::zip_equal(results, interpreter->run(inputs, observe)))
      tensors[image] = tensor;
  });
  if (failed(check.verify(images)))
    return failure();
  for (Value input : segment.inputs)
    if (!isReadFrom(input, op))
      values.erase(input);
  for (auto [result, tensors] : llvm::zip_equal(segment.results, results))
    values[result] = std::move(tensors);
  last = op->getPrevNode();
  return success();
}

} // namespace vitya
