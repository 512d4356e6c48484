// Execution of models op by op, straight from their meaning: the oracle of the lowering and the engine of calibration.
#ifndef VITYA_DIALECT_REFERENCE_INTERPRETER_H
#define VITYA_DIALECT_REFERENCE_INTERPRETER_H

#include "dialect/reference/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include <functional>
#include <vector>

namespace vitya::reference {

/// Sees an op and its results right after it was executed, those within called functions included.
using Observer = llvm::function_ref<void(mlir::Operation *op, llvm::ArrayRef<Tensor> results)>;

/// A function, made ready to be executed any number of times, from any number of threads. It refers to the IR and to
/// the bytes of its constants, which must stay as they are.
class Interpreter {
public:
  /// Prepares `function` and what it calls: ops of the dialect, `func`, and those of `arith` and `tensor` that
  /// dialect/reference/Ops.h has a function for. An op it does not know, a constant without all its bytes, a function
  /// of several blocks or one that calls itself is an error at that op.
  static mlir::FailureOr<Interpreter> create(mlir::func::FuncOp function);

  /// The results for `arguments`, which have the types of the function's. A value is freed after its last use.
  llvm::SmallVector<Tensor> run(llvm::ArrayRef<Tensor> arguments, Observer observe = nullptr) const;

private:
  /// What an op computes from its operands.
  using Kernel = std::function<Tensor(llvm::ArrayRef<Tensor>)>;

  struct Step {
    mlir::Operation *op;
    Kernel kernel;                       ///< absent where the op is a call
    mlir::func::FuncOp callee;           ///< of a call
    llvm::SmallVector<mlir::Value> dead; ///< values that no later op reads
  };

  static mlir::FailureOr<Kernel> kernelOf(mlir::Operation *op);
  mlir::LogicalResult prepare(mlir::func::FuncOp function);
  llvm::SmallVector<Tensor> runFunction(mlir::func::FuncOp function, llvm::ArrayRef<Tensor> arguments,
                                        Observer observe) const;

  mlir::func::FuncOp entry;
  llvm::DenseMap<mlir::Operation *, std::vector<Step>> programs;
};

} // namespace vitya::reference

#endif // VITYA_DIALECT_REFERENCE_INTERPRETER_H
