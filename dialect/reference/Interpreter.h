// Executes a model op by op: the oracle that compiled code is compared with, and the engine of calibration.
#ifndef VITYA_DIALECT_REFERENCE_INTERPRETER_H
#define VITYA_DIALECT_REFERENCE_INTERPRETER_H

#include "dialect/reference/Evaluators.h"
#include "dialect/reference/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include <vector>

namespace vitya::reference {

/// Called with an op and its results right after the op was executed, also for ops in called functions.
using Observer = llvm::function_ref<void(mlir::Operation *op, llvm::ArrayRef<Tensor> results)>;

/// A function prepared for execution. It may be executed any number of times and by several threads at once. It refers
/// to the IR and to the bytes of its constants, which must not change.
class Interpreter {
public:
  /// Prepares `function` and the functions it calls. Errors: an op that `makeEvaluator` refuses, a function of several
  /// blocks, or a function that calls itself.
  static mlir::FailureOr<Interpreter> create(mlir::func::FuncOp function);

  /// Returns the results for `arguments`, which have the types of the function's arguments. A value is freed after its
  /// last use.
  llvm::SmallVector<Tensor> run(llvm::ArrayRef<Tensor> arguments, Observer observe = nullptr) const;

private:
  struct Step {
    mlir::Operation *op;
    Evaluator evaluate;                  ///< null if the op is a call
    mlir::func::FuncOp callee;           ///< null unless the op is a call
    llvm::SmallVector<mlir::Value> dead; ///< values that no later op reads
  };

  mlir::LogicalResult prepare(mlir::func::FuncOp function);
  llvm::SmallVector<Tensor> runFunction(mlir::func::FuncOp function, llvm::ArrayRef<Tensor> arguments,
                                        Observer observe) const;

  mlir::func::FuncOp entry;
  llvm::DenseMap<mlir::Operation *, std::vector<Step>> programs;
};

} // namespace vitya::reference

#endif // VITYA_DIALECT_REFERENCE_INTERPRETER_H
