// Execution of a model on all calibration images in step, while the ops that are not executed yet are being rewritten.
#ifndef VITYA_PASSES_ANALYSIS_REPLAY_H
#define VITYA_PASSES_ANALYSIS_REPLAY_H

#include "dialect/reference/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "passes/analysis/ImageSet.h"
#include "passes/numerics/Factorization.h"
#include "llvm/ADT/DenseMap.h"

namespace vitya {

/// `matrix` as an f32 tensor [rows, columns].
reference::Tensor toTensor(const Eigen::MatrixXd &matrix, mlir::Type f32);
/// `vector` as an f32 tensor [size].
reference::Tensor toTensor(const Eigen::VectorXd &vector, mlir::Type f32);

/// x W^T + b in f32 for each x of `inputs`, on several threads.
std::vector<reference::Tensor> applyLinear(mlir::MLIRContext *context, const numerics::LinearMap &map,
                                           llvm::ArrayRef<reference::Tensor> inputs);

/// The moments of the input z of a layer in a compressed model, and of the pairs (x, z) with its input x in the
/// original model.
struct InputMoments {
  numerics::Moments compressed, cross;
};
/// Computes the moments of inputs [tokens, width], one tensor per image in both. Each sum is taken in the order of the
/// images.
InputMoments momentsOf(mlir::MLIRContext *context, llvm::ArrayRef<reference::Tensor> original,
                       llvm::ArrayRef<reference::Tensor> compressed);

/// The execution of a function of one image, for every image, up to some op. Keeps only the values that later ops read.
/// Between two calls later ops may be replaced, but executed ops must not be erased.
class Replay {
public:
  /// Starts before the first op of `function`, whose only argument is an image, with the first `count` of `images`. A
  /// copy continues independently.
  Replay(mlir::func::FuncOp function, const ImageSet &images, int64_t count);

  /// Executes all ops before `op`, which must not have been executed. Emits an error at an op that the reference
  /// interpreter does not support or whose results are not finite.
  mlir::LogicalResult advanceTo(mlir::Operation *op);

  /// The op after the last executed one.
  mlir::Operation *next();

  /// The tensors of `value`, one per image, for an operand of the op that was advanced to or of a later one.
  llvm::ArrayRef<reference::Tensor> valuesOf(mlir::Value value) const { return values.find(value)->second; }

  /// Defines the result of `op`, which has not been executed and will be skipped, as `tensors`, one per image. Emits an
  /// error at `op` unless they are finite.
  mlir::LogicalResult assume(mlir::Operation *op, std::vector<reference::Tensor> tensors);

private:
  struct Segment;
  /// The ops from the last executed one to `end`, exclusively.
  Segment segmentBefore(mlir::Operation *end);
  /// Executes `segment` for every image and stores its results.
  mlir::LogicalResult execute(const Segment &segment);
  /// A function of the inputs of `segment` that returns its results.
  mlir::OwningOpRef<mlir::func::FuncOp> functionOf(const Segment &segment);

  mlir::func::FuncOp function;
  std::string images; ///< the file that they are from
  int64_t count;
  mlir::Operation *last = nullptr; ///< the last executed op
  llvm::DenseMap<mlir::Value, std::vector<reference::Tensor>> values;
};

} // namespace vitya

#endif // VITYA_PASSES_ANALYSIS_REPLAY_H
