// The ops between two points of execution are cloned into a function, which the reference interpreter executes.
#include "passes/analysis/Replay.h"
#include "dialect/VityaOps.h"
#include "dialect/reference/Interpreter.h"
#include "dialect/reference/Ops.h"
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

std::vector<reference::Tensor> applyLinear(MLIRContext *context, const numerics::LinearMap &map,
                                           ArrayRef<reference::Tensor> inputs) {
  Type f32 = Float32Type::get(context);
  numerics::PackedMatrix weight = reference::packed(toTensor(map.weight, f32));
  reference::Tensor bias = toTensor(map.bias, f32);
  std::vector<reference::Tensor> results(inputs.size());
  parallelFor(context, 0, inputs.size(), [&](size_t i) { results[i] = reference::linear(inputs[i], weight, &bias); });
  return results;
}

InputMoments momentsOf(MLIRContext *context, ArrayRef<reference::Tensor> original,
                       ArrayRef<reference::Tensor> compressed) {
  InputMoments moments;
  parallelFor(context, 0, 2, [&](int64_t which) {
    numerics::MomentsBuilder sums(compressed.front().dim(1));
    for (auto [x, z] : llvm::zip_equal(original, compressed)) {
      if (which == 0)
        sums.add(numerics::Samples(z.matrix()));
      else
        sums.add(numerics::Samples(x.matrix()), numerics::Samples(z.matrix()));
    }
    (which == 0 ? moments.compressed : moments.cross) = sums.take();
  });
  return moments;
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
  llvm::SetVector<Value> skipped; ///< values that ops with assumed results would have read
};

Operation *Replay::next() { return last ? last->getNextNode() : &function.front().front(); }

static bool isReadFrom(Value value, Operation *op) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) { return !user->isBeforeInBlock(op); });
}

Replay::Segment Replay::segmentBefore(Operation *end) {
  Segment segment;
  auto isDefined = [&](Value result) { return values.contains(result); };
  for (Operation *op = next(); op != end; op = op->getNextNode()) {
    if (isa<arith::ConstantOp>(op))
      continue;
    if (llvm::all_of(op->getResults(), isDefined)) {
      segment.skipped.insert_range(llvm::make_filter_range(op->getOperands(), isDefined));
      continue;
    }
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

LogicalResult Replay::execute(const Segment &segment) {
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
  for (auto [result, tensors] : llvm::zip_equal(segment.results, results))
    values[result] = std::move(tensors);
  return success();
}

LogicalResult Replay::advanceTo(Operation *op) {
  Segment segment = segmentBefore(op);
  if (!segment.ops.empty() && failed(execute(segment)))
    return failure();
  for (Value input : llvm::concat<const Value>(segment.inputs, segment.skipped))
    if (!isReadFrom(input, op))
      values.erase(input);
  last = op->getPrevNode();
  return success();
}

LogicalResult Replay::assume(Operation *op, std::vector<reference::Tensor> tensors) {
  FiniteCheck check;
  for (auto [image, tensor] : llvm::enumerate(tensors))
    check.add(int64_t(image), op, tensor);
  values[op->getResult(0)] = std::move(tensors);
  return check.verify(images);
}

} // namespace vitya
