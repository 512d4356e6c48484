// Every stretch of ops becomes a function of the values it reads, which the reference interpreter executes.
#include "passes/analysis/Replay.h"
#include "dialect/VityaOps.h"
#include "dialect/reference/Interpreter.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Threading.h"
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

Replay::Replay(func::FuncOp function, const ImageSet &images, int64_t count) : function(function), count(count) {
  auto type = cast<RankedTensorType>(function.getArgumentTypes().front());
  std::vector<reference::Tensor> &pixels = values[function.getArgument(0)];
  for (int64_t i = 0; i < count; ++i) {
    reference::Tensor image(type.getShape(), type.getElementType());
    images.read(i, image.mutableValues());
    pixels.push_back(std::move(image));
  }
}

LogicalResult Replay::advanceTo(Operation *op) {
  // What to execute, what that reads and what is read of it later. Constants belong to no stretch.
  Operation *first = last ? last->getNextNode() : &function.getBody().front().front();
  SmallVector<Operation *> stretch;
  llvm::SetVector<Operation *> constants;
  llvm::SetVector<Value> arguments, results;
  for (Operation *each = first; each != op; each = each->getNextNode()) {
    auto isAssumed = [&](Value result) { return values.contains(result); };
    if (isa<arith::ConstantOp>(each) || llvm::all_of(each->getResults(), isAssumed))
      continue;
    stretch.push_back(each);
    for (Value operand : each->getOperands()) {
      if (auto constant = operand.getDefiningOp<arith::ConstantOp>())
        constants.insert(constant);
      else if (values.contains(operand))
        arguments.insert(operand);
    }
  }
  auto isReadLater = [&](Value value) {
    return llvm::any_of(value.getUsers(), [&](Operation *user) { return !user->isBeforeInBlock(op); });
  };
  for (Operation *each : stretch)
    for (Value result : each->getResults())
      if (isReadLater(result))
        results.insert(result);
  if (stretch.empty())
    return success();

  OwningOpRef<func::FuncOp> part = func::FuncOp::create(
      function.getLoc(), function.getName(),
      FunctionType::get(function.getContext(), TypeRange(arguments.getArrayRef()), TypeRange(results.getArrayRef())));
  OpBuilder builder = OpBuilder::atBlockBegin(part->addEntryBlock());
  IRMapping mapping;
  mapping.map(arguments.getArrayRef(), part->getArguments());
  for (Operation *each : llvm::concat<Operation *const>(constants.getArrayRef(), stretch))
    builder.clone(*each, mapping);
  SmallVector<Value> returned = llvm::map_to_vector(results, [&](Value result) { return mapping.lookup(result); });
  func::ReturnOp::create(builder, function.getLoc(), returned);
  FailureOr<reference::Interpreter> interpreter = reference::Interpreter::create(*part);
  if (failed(interpreter))
    return failure();

  SmallVector<std::vector<reference::Tensor>> made(results.size(), std::vector<reference::Tensor>(count));
  parallelFor(function.getContext(), 0, count, [&](int64_t image) {
    SmallVector<reference::Tensor> inputs =
        llvm::map_to_vector(arguments, [&](Value argument) { return values.find(argument)->second[image]; });
    for (auto [tensors, tensor] : llvm::zip_equal(made, interpreter->run(inputs)))
      tensors[image] = tensor;
  });
  for (Value argument : arguments)
    if (!isReadLater(argument))
      values.erase(argument);
  for (auto [result, tensors] : llvm::zip_equal(results, made))
    values[result] = std::move(tensors);
  last = op->getPrevNode();
  return success();
}

} // namespace vitya
