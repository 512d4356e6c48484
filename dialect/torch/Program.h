// Executes a model in LibTorch on a batch of images, with gradients for its weights. What is trained is what is
// compiled.
#ifndef VITYA_DIALECT_TORCH_PROGRAM_H
#define VITYA_DIALECT_TORCH_PROGRAM_H

#include "dialect/torch/Tensor.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <functional>
#include <vector>

namespace vitya::autograd {

/// A weight of a model: a constant of f32, or a constant of integers with the scales by which they stand for f32
/// values.
struct Parameter {
  std::string name; ///< of the resource, or of the layer that reads it
  std::vector<int64_t> shape;
  std::vector<float> values;
  /// Whether weight decay applies to it: it is the matrix of a linear layer.
  bool isMatrix = false;

  std::vector<mlir::arith::ConstantOp> constants; ///< those that hold it
  std::vector<double> scales;                     ///< of integers, one for each row or one; empty for f32
  int64_t min = 0, max = 0;                       ///< of integers
};

class Program {
public:
  /// Prepares `function`, which maps an f32 image [C, H, W] to f32 logits [1, classes]. Errors at the op: an op that is
  /// not one of the phases `import` and `compress`, a type that is not a static tensor, a constant without its bytes.
  static mlir::FailureOr<Program> create(mlir::func::FuncOp function);

  /// The weights in the order of their first use. Constants of one resource are one weight.
  llvm::ArrayRef<Parameter> parameters() const { return weights; }

  struct RunOptions {
    /// The probability with which the last residual branch is dropped; those before it are dropped less often, linearly
    /// down to 0 for the first (arXiv 1603.09382).
    double dropPath = 0;
  };
  /// Called with an op and its result.
  using Observer = llvm::function_ref<void(mlir::Operation *op, const Tensor &result)>;

  /// The logits [B, classes] for `images` [B, C, H, W] with pixels in [0, 1]. `values` are those of the parameters.
  Tensor run(const Tensor &images, llvm::ArrayRef<Tensor> values, RunOptions options, Observer observe = nullptr) const;

  /// Stores `values` in the constants of parameter `index`, rounded if these are integers.
  void store(size_t index, llvm::ArrayRef<float> values);

private:
  friend class ProgramBuilder;

  struct Step {
    mlir::Operation *op;
    std::function<Tensor(llvm::ArrayRef<Tensor> operands, const RunOptions &options)> evaluate;
    llvm::SmallVector<int> operands;  ///< slots of values
    int result;                       ///< slot
    llvm::SmallVector<int> dead = {}; ///< slots that no later step reads
  };

  std::vector<Parameter> weights;
  std::vector<Step> steps;
  int slots = 0;       ///< the image is in slot 0, the parameters follow
  int resultSlot = -1; ///< of the logits
};

} // namespace vitya::autograd

#endif // VITYA_DIALECT_TORCH_PROGRAM_H
