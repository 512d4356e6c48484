// Checks a function once and translates it to a list of steps; executing it is a loop over the steps.
#include "dialect/reference/Interpreter.h"
#include "mlir/IR/OpDefinition.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace vitya::reference {

FailureOr<Interpreter> Interpreter::create(func::FuncOp function) {
  Interpreter interpreter;
  interpreter.entry = function;
  if (failed(interpreter.prepare(function)))
    return failure();
  return interpreter;
}

LogicalResult Interpreter::prepare(func::FuncOp function) {
  if (!function.getBody().hasOneBlock())
    return function.emitOpError("expected a function of one block, found ") << function.getBody().getBlocks().size();
  // An empty program marks a function whose preparation has begun.
  programs[function] = {};
  std::vector<Step> steps;
  llvm::DenseSet<Value> read;
  for (Operation &op : llvm::reverse(function.getBody().front())) {
    Step &step = steps.emplace_back(Step{&op, nullptr, nullptr, {}});
    // In reverse order, the first op that reads a value is its last reader. An unused result is dead at once.
    for (Value value : llvm::concat<Value>(op.getOperands(), op.getResults()))
      if (read.insert(value).second && !op.hasTrait<OpTrait::IsTerminator>())
        step.dead.push_back(value);
    if (op.getNumRegions() != 0 || op.hasTrait<OpTrait::IsTerminator>() != isa<func::ReturnOp>(op))
      return op.emitError("expected an op that the reference interpreter executes, found '") << op.getName() << "'";
  }
  std::reverse(steps.begin(), steps.end());
  for (Step &step : steps) {
    if (isa<func::ReturnOp>(step.op))
      continue;
    if (auto call = dyn_cast<func::CallOp>(step.op)) {
      step.callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
      auto program = programs.find(step.callee);
      if (program != programs.end() && program->second.empty())
        return call.emitOpError("expected a function that does not call itself, found @") << call.getCallee();
      if (program == programs.end() && failed(prepare(step.callee)))
        return failure();
      continue;
    }
    FailureOr<Evaluator> evaluator = makeEvaluator(step.op);
    if (failed(evaluator))
      return failure();
    step.evaluate = std::move(*evaluator);
  }
  programs[function] = std::move(steps);
  return success();
}

SmallVector<Tensor> Interpreter::run(ArrayRef<Tensor> arguments, Observer observe) const {
  return runFunction(entry, arguments, observe);
}

SmallVector<Tensor> Interpreter::runFunction(func::FuncOp function, ArrayRef<Tensor> arguments,
                                             Observer observe) const {
  llvm::DenseMap<Value, Tensor> values;
  for (auto [argument, tensor] : llvm::zip_equal(function.getArguments(), arguments))
    values[argument] = tensor;
  SmallVector<Tensor> results;
  for (const Step &step : programs.find(function)->second) {
    SmallVector<Tensor> operands =
        llvm::map_to_vector(step.op->getOperands(), [&](Value operand) { return values.lookup(operand); });
    if (isa<func::ReturnOp>(step.op))
      return operands;
    results = step.evaluate ? SmallVector<Tensor>{step.evaluate(Operands(step.op, operands))}
                            : runFunction(step.callee, operands, observe);
    if (observe)
      observe(step.op, results);
    for (auto [value, tensor] : llvm::zip_equal(step.op->getResults(), results))
      values[value] = tensor;
    for (Value value : step.dead)
      values.erase(value);
  }
  llvm_unreachable("a function ends with func.return");
}

} // namespace vitya::reference
