// Executes a model in LibTorch on a batch of images, with gradients for its weights. What is trained is what is
// compiled.
#ifndef VITYA_DIALECT_TORCH_PROGRAM_H
#define VITYA_DIALECT_TORCH_PROGRAM_H

#include "dialect/torch/Parameter.h"
#include "dialect/torch/Tensor.h"
#include "dialect/torch/TokenSequence.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <functional>
#include <vector>

namespace vitya::autograd {

class Program {
public:
  /// Prepares `function`, which maps an f32 image [C, H, W] to f32 logits [1, classes]. Errors at the op: an op that is
  /// not one of the phases `import` and `compress`, a type that is not a static tensor, a constant without its bytes.
  /// If `learnsScales`, the scales of static quantization are parameters too; dynamic quantization has none.
  static mlir::FailureOr<Program> create(mlir::func::FuncOp function, bool learnsScales = false);

  /// The weights in the order of their first use, and then the scales that are learned. Constants of one resource are
  /// one weight.
  llvm::ArrayRef<Parameter> parameters() const { return weights; }

  struct RunOptions {
    /// The probability with which the last residual branch is dropped; those before it are dropped less often, linearly
    /// down to 0 for the first (arXiv 1603.09382).
    double dropPath = 0;
    /// The share of the patches that each image leaves out, at random (PatchDropout, arXiv 2208.07220). If it is not 0,
    /// `findTokens` must have succeeded.
    double patchDropout = 0;
  };
  /// Called with an op and its result.
  using Observer = llvm::function_ref<void(mlir::Operation *op, const Tensor &result)>;

  /// The logits [B, classes] for `images` [B, C, H, W] with pixels in [0, 1]. `values` are those of the parameters.
  /// Several threads may call it at once.
  Tensor run(const Tensor &images, llvm::ArrayRef<Tensor> values, RunOptions options, Observer observe = nullptr) const;

  /// The ops whose results are the residual stream after each of its branches, in the order of the model.
  llvm::ArrayRef<mlir::Operation *> residuals() const { return additions; }

  /// Finds the tokens that may be left out. Errors: those of `findTokenSequence`.
  mlir::LogicalResult findTokens();

  /// Stores `values`, those of all parameters one after the other, in the function: weights in constants, rounded if
  /// these are integers, and scales in types.
  void store(llvm::ArrayRef<float> values);

private:
  friend class ProgramBuilder;

  /// An op, or several slices of one value.
  struct Step {
    llvm::SmallVector<mlir::Operation *, 1> ops; ///< each has one result
    std::function<std::vector<Tensor>(llvm::ArrayRef<Tensor> operands, const RunOptions &options)> evaluate;
    llvm::SmallVector<int> operands;  ///< slots of values
    llvm::SmallVector<int> results;   ///< slots, one for each op
    llvm::SmallVector<int> dead = {}; ///< slots that no later step reads
  };

  mlir::func::FuncOp function;
  std::optional<TokenSequence> tokens;
  std::vector<mlir::Operation *> additions; ///< of residual branches
  std::vector<Parameter> weights;
  std::vector<Step> steps;
  int slots = 0;       ///< the image is in slot 0, the parameters follow
  int resultSlot = -1; ///< of the logits
};

} // namespace vitya::autograd

#endif // VITYA_DIALECT_TORCH_PROGRAM_H
